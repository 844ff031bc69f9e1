/** A command line that cannot be understood. The message is for whoever wrote it. */
export class UsageError extends Error {}

/**
 * Reads a command line of flags and words.
 *
 * @param {readonly string[]} argv without the interpreter and the script
 * @param {Record<string, 'switch' | 'port' | Reader>} flags by name, without dashes
 * @returns {{ flags: Record<string, any>, words: string[] }}
 * @throws {UsageError} that names the argument and what was expected
 *
 * @typedef {{ expected: string, read: (text: string) => unknown }} Reader `read` gives `undefined` for what makes no sense
 */
export function parseArguments(argv, flags) {
  const parsed = { flags: {}, words: [] };
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i];
    if (!argument.startsWith('-')) {
      parsed.words.push(argument);
      continue;
    }
    const [, name, inline] = /^--?([^=]*)(?:=(.*))?$/s.exec(argument);
    if (!Object.hasOwn(flags, name)) throw new UsageError(unknown(argument, Object.keys(flags)));
    if (flags[name] === 'port') parsed.flags[name] = port(name, inline ?? argv[++i]);
    else if (flags[name] !== 'switch') parsed.flags[name] = read(name, flags[name], inline ?? argv[++i]);
    else if (inline !== undefined) throw new UsageError(`--${name}: expected no value, got "${inline}"`);
    else parsed.flags[name] = true;
  }
  return parsed;
}

/** One that is not known, with the nearest that is. */
export function unknown(given, known, kind = 'flag') {
  const names = kind === 'flag' ? known.map((name) => `--${name}`) : known;
  const near = names.find((name) => distance(given.replace(/=.*$/s, ''), name) <= 2);
  return `unknown ${kind} "${given}"${near ? `; did you mean ${near}?` : ''} (known: ${names.join(', ')})`;
}

function read(name, { expected, read: reader }, text) {
  const value = text === undefined ? undefined : reader(text);
  if (value !== undefined) return value;
  throw new UsageError(
    `--${name}: expected ${expected}, got ${text === undefined ? 'nothing' : `"${text}"`}`,
  );
}

function port(name, value) {
  if (value !== undefined && /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535) {
    return Number(value);
  }
  const got = value === undefined ? 'nothing' : `"${value}"`;
  throw new UsageError(`--${name}: expected a port from 1 to 65535, got ${got}`);
}

/** Levenshtein's edit distance. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
