import { UsageError, unknown } from '../../../scripts/lib/arguments.mjs';

export { UsageError };

/**
 * Reads a command line of flags; a value follows its flag, or stands behind a `=`.
 *
 * @param {readonly string[]} argv without the interpreter and the script
 * @param {Record<string, Reader>} readers by the flag's name, without dashes
 * @returns {Record<string, any>} what was given, by name
 * @throws {UsageError} that names the flag, what was expected and what came
 *
 * @typedef {{ expected: string, read: (text: string) => unknown } | 'switch'} Reader
 * `read` gives `undefined` for what makes no sense
 */
export function readFlags(argv, readers) {
  const flags = {};
  for (let i = 0; i < argv.length; i++) {
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argv[i]) ?? [];
    if (name === undefined) throw new UsageError(`unexpected argument "${argv[i]}"; see --help`);
    if (!Object.hasOwn(readers, name)) throw new UsageError(unknown(argv[i], Object.keys(readers)));
    const reader = readers[name];
    if (reader === 'switch') {
      if (inline !== undefined) throw new UsageError(`--${name}: expected no value, got "${inline}"`);
      flags[name] = true;
    } else {
      const text = inline ?? argv[++i];
      const value = text === undefined ? undefined : reader.read(text);
      if (value === undefined) {
        throw new UsageError(
          `--${name}: expected ${reader.expected}, got ${text === undefined ? 'nothing' : `"${text}"`}`,
        );
      }
      flags[name] = value;
    }
  }
  return flags;
}

/** @returns {Reader} */
export function integer(min, max) {
  return { expected: `an integer from ${min} to ${max}`, read: (text) => readInteger(text, min, max) };
}

/** Integers with commas between them. @returns {Reader} */
export function integers(min, max) {
  return {
    expected: `integers from ${min} to ${max} with commas between them`,
    read: (text) => {
      const values = text.split(',').map((each) => readInteger(each, min, max));
      return values.includes(undefined) ? undefined : values;
    },
  };
}

/** Some of the known names, with commas between them; `ours-*` means all that begin so. @returns {Reader} */
export function someOf(known, kind) {
  return {
    expected: `${kind}s with commas between them`,
    read: (text) => [
      ...new Set(
        text.split(',').flatMap((name) => {
          const found = name.endsWith('*')
            ? known.filter((each) => each.startsWith(name.slice(0, -1)))
            : known.filter((each) => each === name);
          if (found.length === 0) throw new UsageError(unknown(name, known, kind));
          return found;
        }),
      ),
    ],
  };
}

/** Exactly one of the known names. @returns {Reader} */
export function oneOf(known, kind) {
  return {
    expected: `a ${kind}`,
    read: (name) => {
      if (!known.includes(name)) throw new UsageError(unknown(name, known, kind));
      return name;
    },
  };
}

function readInteger(text, min, max) {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
}
