import { readFile, stat } from 'node:fs/promises';
import { oneLine } from '../safe-text.js';
import { parsed, refused, type Parsed } from './parsed.js';

/** 16 MB: more than a hundred thousand nodes. What is larger is some other file. */
const MAX_SIZE = 16 * 1024 * 1024;

/** What is used of the package `yaml`. Not its own type: our declarations must not need it installed. */
interface YamlPackage {
  parse(text: string, options: { logLevel: 'error' }): unknown;
}

export type ImportYaml = () => Promise<YamlPackage>;

/** Reads a regular file of bounded size; what is wrong is told in words that name no path. */
export async function readEndpointFile(path: string): Promise<Parsed<Buffer>> {
  try {
    // Before it is opened: opening a pipe would wait for its writer.
    const stats = await stat(path);
    if (!stats.isFile()) return refused('not a regular file');
    if (stats.size > MAX_SIZE) return refused(`too large: ${stats.size} bytes (at most ${MAX_SIZE})`);
    const content = await readFile(path);
    return content.length > MAX_SIZE ? refused(`too large (at most ${MAX_SIZE} bytes)`) : parsed(content);
  } catch (error) {
    return refused(reasonNotRead(error as NodeJS.ErrnoException));
  }
}

/**
 * Parses what a file holds: a list of nodes, or `{ nodes: [...] }`, in JSON, or in YAML when it is named so. What the
 * entries hold is not looked at.
 */
export async function parseEndpointFile(
  content: Buffer,
  format: 'json' | 'yaml',
  importYaml: ImportYaml = () => import('yaml'),
): Promise<Parsed<readonly unknown[]>> {
  const text = decodeUtf8(content);
  if (text === undefined) return refused('not UTF-8 text');
  if (text.trim() === '') return refused('empty');
  const document = format === 'json' ? parseJson(text) : await parseYaml(text, importYaml);
  if (!document.ok) return document;

  const { value } = document;
  if (Array.isArray(value)) return parsed(value);
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'nodes')) {
    const { nodes, ...others } = value as { nodes: unknown };
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) return refused(`unknown key "${oneLine(unknown, 40)}" beside "nodes"`);
    if (Array.isArray(nodes)) return parsed(nodes);
  }
  return refused('expected a list of nodes, or { nodes: [...] }');
}

function parseJson(text: string): Parsed<unknown> {
  try {
    return parsed(JSON.parse(text) as unknown);
  } catch (error) {
    const message = (error as SyntaxError).message;
    const position = /position (\d+)/.exec(message)?.[1];
    const line =
      position === undefined ? '' : ` (line ${text.slice(0, Number(position)).split('\n').length})`;
    return refused(`not valid JSON: ${oneLine(message, 160)}${line}`);
  }
}

async function parseYaml(text: string, importYaml: ImportYaml): Promise<Parsed<unknown>> {
  let yaml: YamlPackage;
  try {
    yaml = await importYaml();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    return refused(
      missing
        ? 'YAML needs the package "yaml": npm install yaml'
        : `the package "yaml" cannot be loaded: ${oneLine(String(error), 160)}`,
    );
  }
  try {
    return parsed(yaml.parse(text, { logLevel: 'error' }));
  } catch (error) {
    // The rest of the message draws the place.
    const [first = ''] = (error as Error).message.split('\n');
    return refused(`not valid YAML: ${oneLine(first.replace(/:$/, ''), 160)}`);
  }
}

function decodeUtf8(content: Buffer): string | undefined {
  try {
    // It drops a byte order mark, too.
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}

function reasonNotRead(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return `not readable (${error.code})`;
    default:
      return `cannot be read (${error.code ?? oneLine(error.message, 100)})`;
  }
}
