import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject, type Subscription } from 'rxjs';
import { FileResolver } from './file.resolver.js';
import type { Target } from './resolver.js';
import { parseTarget } from './target.js';

/** Milliseconds in which a change must be seen; no poll of these tests comes so soon, unless it is what is tested. */
const SOON = 200;
/** This machine is shared: what is late by so much is slow, not broken. Still far below the poll. */
const PATIENCE = 2_000;

let directory: string;
let path: string;
let subscription: Subscription | undefined;
let emitted: unknown[];
let errors: unknown[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lb-file-'));
  path = join(directory, 'orders.json');
  emitted = [];
  errors = [];
});

afterEach(async () => {
  subscription?.unsubscribe();
  await rm(directory, { recursive: true, force: true });
});

function watch(
  file = path,
  query = '?poll=60000',
  resolver = new FileResolver(),
  refresh = new Subject<void>(),
): void {
  const target = parseTarget(`file://${file}${query}`) as { value: Target };
  subscription = resolver.watch(target.value, refresh).subscribe({
    next: (value) => emitted.push(value),
    error: (error: unknown) => errors.push(error),
    complete: () => errors.push('completed'),
  });
}

async function until(condition: () => boolean, patience = PATIENCE): Promise<number> {
  const start = performance.now();
  while (!condition() && performance.now() - start < patience)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return performance.now() - start;
}

async function nextIs(value: unknown): Promise<void> {
  const seen = emitted.length;
  await until(() => emitted.length > seen && JSON.stringify(emitted.at(-1)) === JSON.stringify(value));
  expect(emitted.at(-1)).toEqual(value);
}

const settle = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function replace(content: unknown): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(content));
  await rename(`${path}.new`, path);
}

describe('FileResolver', () => {
  it('reads a list of nodes, or an object with one', async () => {
    await writeFile(path, '\uFEFF[ "a:1", { "host": "b", "port": 2, "weight": 3 } ]');
    watch();
    await nextIs(['a:1', { host: 'b', port: 2, weight: 3 }]);
    await replace({ nodes: ['c:1'] });
    await nextIs(['c:1']);
  });

  it('sees each of several atomic replacements, soon', async () => {
    await replace(['a:0']);
    watch();
    await nextIs(['a:0']);
    const delays: number[] = [];
    for (let i = 1; i <= 5; i++) {
      await replace([`a:${i}`]);
      delays.push(await until(() => JSON.stringify(emitted.at(-1)) === `["a:${i}"]`));
    }
    expect(emitted).toHaveLength(6);
    expect(delays.sort((a, b) => a - b)[2]).toBeLessThan(SOON);
  });

  it('sees a file that is written in place, in pieces, as one change', async () => {
    await replace(['a:1']);
    watch();
    await nextIs(['a:1']);
    await truncate(path, 0);
    await writeFile(path, '["b:1",', { flag: 'a' });
    await writeFile(path, '"c:1"]', { flag: 'a' });
    await nextIs(['b:1', 'c:1']);
    expect(emitted).toHaveLength(2);
  });

  it('sees a Kubernetes ConfigMap being swapped', async () => {
    const version = async (name: string, nodes: string[]) => {
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, 'orders.json'), JSON.stringify(nodes));
      await symlink(name, join(directory, '..data_tmp'));
      await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    };
    await version('..2024_01', ['a:1']);
    await symlink('..data/orders.json', path);
    watch();
    await nextIs(['a:1']);
    await version('..2024_02', ['b:1']);
    await nextIs(['b:1']);
  });

  it('says what is wrong and recovers by itself', async () => {
    watch();
    await nextIs({ failure: 'no such file' });
    await replace(['a:1']);
    await nextIs(['a:1']);
    await writeFile(path, '');
    await nextIs({ failure: 'empty' });
    await writeFile(path, '[\n  "a:1",\n]');
    await until(() => emitted.length > 3);
    expect(emitted.at(-1)).toMatchObject({ failure: expect.stringMatching(/^not valid JSON: .+/) });
    // The same content as the last good one: good again all the same.
    await replace(['a:1']);
    await nextIs(['a:1']);
    await unlink(path);
    await nextIs({ failure: 'no such file' });
    await replace(['a:1']);
    await nextIs(['a:1']);
    expect(errors).toEqual([]);
  });

  it.each([
    ['7', 'expected a list of nodes, or { nodes: [...] }'],
    ['{"node":[]}', 'expected a list of nodes, or { nodes: [...] }'],
    ['{"nodes":{}}', 'expected a list of nodes, or { nodes: [...] }'],
    ['{"nodes":[],"version":2}', 'unknown key "version" beside "nodes"'],
    [Buffer.from([0x5b, 0xff, 0x5d]), 'not UTF-8 text'],
    ['  \n', 'empty'],
  ])('refuses the content %j', async (content, failure) => {
    await writeFile(path, content);
    watch();
    await nextIs({ failure });
  });

  it('refuses what is too large or no file at all, without reading it', async () => {
    await writeFile(path, '');
    await truncate(path, 17 * 1024 * 1024);
    watch();
    await nextIs({ failure: 'too large: 17825792 bytes (at most 16777216)' });
    await unlink(path);
    await mkdir(path);
    await nextIs({ failure: 'not a regular file' });
  });

  it('emits nothing when nothing changed', async () => {
    await replace(['a:1']);
    watch(path, '?poll=100');
    await nextIs(['a:1']);
    await writeFile(join(directory, 'other'), 'x');
    await replace(['a:1']);
    await settle(350);
    expect(emitted).toHaveLength(1);
  });

  it('sees a change in time though other files of the directory change all the time', async () => {
    await replace(['a:1']);
    watch();
    await nextIs(['a:1']);
    let noise = 0;
    const noisy = setInterval(() => void writeFile(join(directory, 'noise'), String(noise++)), 20);
    await replace(['b:1']);
    await nextIs(['b:1']);
    clearInterval(noisy);
    await settle(50);
    expect(noise).toBeGreaterThan(1);
  });

  it('finds by polling what no event told of, and watches the new directory from then on', async () => {
    const moved = join(directory, 'lb');
    const file = join(moved, 'orders.json');
    watch(file, '?poll=300');
    await nextIs({ failure: 'no such file' });
    await mkdir(moved);
    await writeFile(file, '["a:1"]');
    await nextIs(['a:1']);
    // Another directory under the same name: the old watch is dead and says nothing.
    await rename(moved, `${moved}.old`);
    await mkdir(moved);
    await writeFile(file, '["b:1"]');
    await nextIs(['b:1']);
    await writeFile(file, '["c:1"]');
    const delay = await until(() => JSON.stringify(emitted.at(-1)) === '["c:1"]');
    expect(delay).toBeLessThan(PATIENCE);
  });

  it('looks again at once when it is asked to', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'lb-outside-'));
    await writeFile(join(outside, 'orders.json'), '["a:1"]');
    await symlink(join(outside, 'orders.json'), path);
    const refresh = new Subject<void>();
    watch(path, '?poll=60000', new FileResolver(), refresh);
    await nextIs(['a:1']);
    // Behind the link, where no event of the watched directory tells.
    await writeFile(join(outside, 'orders.json'), '["b:1"]');
    refresh.next();
    await nextIs(['b:1']);
    await rm(outside, { recursive: true });
  });

  it('stops with its subscription', async () => {
    await replace(['a:1']);
    watch(path, '?poll=100');
    await nextIs(['a:1']);
    subscription?.unsubscribe();
    await replace(['b:1']);
    await settle(250);
    expect(emitted).toHaveLength(1);
  });

  describe('of YAML', () => {
    const YAML = 'nodes:\n  - a:1\n  - { host: b, port: 2, metadata: { version: "1.4" } }\n';

    beforeEach(() => void (path = join(directory, 'orders.yaml')));

    it('reads the same', async () => {
      await writeFile(path, YAML);
      watch();
      await nextIs(['a:1', { host: 'b', port: 2, metadata: { version: '1.4' } }]);
    });

    it.each([
      ['- "a', /^not valid YAML: .+ at line 1, column \d+$/],
      [
        `a: &a [x,x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [${i ? `*b${i - 1},*b${i - 1}` : '*a,*a'}]`).join('\n')}`,
        /^not valid YAML: Excessive alias count/,
      ],
    ])('refuses what is broken or would explode', async (content, failure) => {
      await writeFile(path, content);
      watch();
      await until(() => emitted.length > 0);
      expect(emitted).toEqual([{ failure: expect.stringMatching(failure) }]);
    });

    it('is refused at the start when the package is not there, as JSON is not', () => {
      const resolver = new FileResolver(undefined, 'a-package-that-is-not-installed');
      const problem = (uri: string) => resolver.validate((parseTarget(uri) as { value: Target }).value);
      const missing =
        'a YAML file needs the package "a-package-that-is-not-installed" (npm install a-package-that-is-not-installed)';
      expect([problem('file:///x.yaml'), problem('file:///x.YML')]).toEqual([missing, missing]);
      expect(problem('file:///x.json')).toBeUndefined();
      const installed = parseTarget('file:///x.yaml') as { value: Target };
      expect(new FileResolver().validate(installed.value)).toBeUndefined();
    });

    it('says what to install when the package is not there', async () => {
      await writeFile(path, YAML);
      const missing = Object.assign(new Error("Cannot find package 'yaml'"), {
        code: 'ERR_MODULE_NOT_FOUND',
      });
      watch(path, '?poll=60000', new FileResolver(() => Promise.reject(missing)));
      await nextIs({ failure: 'YAML needs the package "yaml": npm install yaml' });
    });
  });
});
