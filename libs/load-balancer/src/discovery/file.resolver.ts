import { resolve } from 'node:path';
import { merge, Observable } from 'rxjs';
import { parseEndpointFile, readEndpointFile, type ImportYaml } from './endpoint-file.js';
import { fileChanges } from './file-changes.js';
import { missingPackageProblem } from './installed-package.cjs';
import { problemsOf } from './parsed.js';
import type { ResolvedNode, ResolveFailure, Resolver, Target } from './resolver.js';
import { unknownParamProblem } from './target.js';

/** Milliseconds between looks at a file of which no event tells. */
const DEFAULT_POLL = 5_000;
const MIN_POLL = 100;
const MAX_POLL = 86_400_000;

/**
 * A file with the list of nodes: `file:///etc/lb/orders.json`, or `.yaml`/`.yml` when the package `yaml` is installed.
 * It holds a list, or `{ nodes: [...] }`, of `host:port` strings and of `{ host, port, weight, zone, draining,
 * metadata }` objects, which may have `address: 'host:port'` instead of host and port.
 *
 * A change takes effect within about 100 ms, one that no event tells of within `?poll=<milliseconds>` (5 000 by
 * default, 100–86 400 000). A file that is missing, broken, empty or larger than 16 MB is a failure that ends when the
 * file is good again.
 */
export class FileResolver implements Resolver {
  readonly schemes = ['file'];

  constructor(
    private readonly importYaml?: ImportYaml,
    private readonly yamlPackage = 'yaml',
  ) {}

  validate(target: Target): string | undefined {
    if (target.authority !== '')
      return 'expected an absolute path after file:// (file:///etc/lb/orders.json)';
    if (target.path === '' || target.path.endsWith('/')) return 'expected the path of a file';
    if (target.path.includes('\0')) return 'expected a path without NUL characters';
    const format = formatOf(target.path);
    if (format === undefined) return 'expected a file named .json, .yaml or .yml';
    return problemsOf(
      format === 'yaml' ? missingPackageProblem('a YAML file', this.yamlPackage) : undefined,
      unknownParamProblem(target, ['poll']),
      pollProblem(target.params.poll),
    );
  }

  watch(target: Target, refresh: Observable<void>): Observable<readonly ResolvedNode[] | ResolveFailure> {
    const path = pathOf(target);
    const poll = Number(target.params.poll ?? DEFAULT_POLL);
    const format = formatOf(target.path) ?? 'json';

    return new Observable((subscriber) => {
      let reading = false;
      let again = false;
      /** What was emitted last, to emit only what changed. */
      let last: Buffer | undefined;

      const read = async (): Promise<void> => {
        const content = await readEndpointFile(path);
        if (content.ok && last?.equals(content.value)) return;
        const nodes = content.ok ? await parseEndpointFile(content.value, format, this.importYaml) : content;
        last = content.ok && nodes.ok ? content.value : undefined;
        // What the entries are is for the one who validates them, as with every resolver.
        subscriber.next(nodes.ok ? (nodes.value as readonly ResolvedNode[]) : { failure: nodes.problem });
      };
      /** One read at a time; what changes during one makes another, however often it does. */
      const onChange = async (): Promise<void> => {
        again = true;
        if (reading) return;
        reading = true;
        while (again && !subscriber.closed) {
          again = false;
          await read();
        }
        reading = false;
      };
      return merge(fileChanges(path, poll), refresh).subscribe(() => void onChange());
    });
  }
}

/** `/etc/lb/orders.json`, or `C:\lb\orders.json` for `file:///C:/lb/orders.json`. */
function pathOf({ path }: Target): string {
  return resolve(process.platform === 'win32' && /^[a-z]:/i.test(path) ? path : `/${path}`);
}

function formatOf(path: string): 'json' | 'yaml' | undefined {
  if (/\.json$/i.test(path)) return 'json';
  return /\.ya?ml$/i.test(path) ? 'yaml' : undefined;
}

function pollProblem(poll: string | undefined): string | undefined {
  if (poll === undefined) return undefined;
  const inRange = /^\d+$/.test(poll) && Number(poll) >= MIN_POLL && Number(poll) <= MAX_POLL;
  return inRange
    ? undefined
    : `poll: expected an integer from ${MIN_POLL} to ${MAX_POLL} (milliseconds), got "${poll}"`;
}
