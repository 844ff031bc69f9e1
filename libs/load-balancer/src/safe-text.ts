/**
 * Text that is safe to put into logs and errors: short, on one line, without credentials.
 */

/** Longest piece of a wrong value that an error repeats. */
const SHOWN = 60;

const USER_INFO = /^([a-z][a-z0-9+.-]*:\/\/)[^/].*@/is;
const SECRET_PARAM = /(?:token|secret|passw|pwd|key|auth|credential|signature)/i;
const PARAM = /([?&])([^?=&#]*)=([^&#]*)/g;

/** Is this the name of a URI parameter whose value must not be shown? */
export function isSecretParam(name: string): boolean {
  return SECRET_PARAM.test(name);
}

/**
 * A URI without its user information and without the values of parameters that look like secrets; other text as it is.
 * The last `@` ends the user information, wherever it stands: a password may hold a `/` or `?` that nobody escaped.
 */
export function redactUri(text: string): string {
  return text
    .replace(USER_INFO, '$1***@')
    .replace(PARAM, (whole, mark: string, name: string) =>
      isSecretParam(name) ? `${mark}${name}=***` : whole,
    );
}

/** At most `limit` characters, without control characters (a log line stays one line). */
export function oneLine(text: string, limit: number): string {
  // Cut first: the text may be megabytes long.
  const short = text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
  // eslint-disable-next-line no-control-regex -- control characters are what is being removed
  return short.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}

/** How a wrong value is shown: scalars as written, everything else by its kind. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(oneLine(redactUri(value), SHOWN));
    case 'bigint':
      return `${oneLine(String(value), SHOWN)}n`;
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
      return 'an object';
    default:
      return String(value);
  }
}
