import { isSecretParam, oneLine, redactUri } from '../safe-text.js';
import { parseHostPort } from './host-port.js';
import { parsed, refused, type Parsed } from './parsed.js';
import type { Target } from './resolver.js';

const TARGET = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/i;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;
/** Characters of a target in logs and `/health`; a static list may be hundreds of kilobytes long. */
const SHOWN = 200;

/**
 * Parses a target URI. It never throws, and neither `uri` nor a problem's text holds credentials.
 *
 * @example
 * ```ts
 * parseTarget('file:///etc/lb/orders.json?poll=2000')
 * // { ok: true, value: { uri: …, scheme: 'file', authority: '', path: 'etc/lb/orders.json', params: { poll: '2000' } } }
 * ```
 */
export function parseTarget(text: string): Parsed<Target> {
  const trimmed = text.trim();
  const uri = oneLine(redactTarget(trimmed), SHOWN);
  if (trimmed === '') return refused('expected a target such as static:///10.0.0.1:4001, got nothing');
  const match = TARGET.exec(trimmed);
  if (!match) return refused(notAUri(trimmed, uri));
  const [, scheme = '', authority = '', rawPath = '', query = '', fragment] = match;
  // Before anything is quoted: what looks like an address may be the beginning of a password.
  if (authority !== '' && trimmed.lastIndexOf('@') >= `${scheme}://${authority}`.length)
    return refused(
      `an "@" stands after the address (write it as %40; in a password, / ? and # are %2F, %3F and %23): "${uri}"`,
    );
  if (CONTROL.test(trimmed))
    return refused(`a target must not contain line breaks or control characters: "${uri}"`);
  if (fragment !== undefined) return refused(`"#" has no meaning in a target (write it as %23): "${uri}"`);

  const path = decode(rawPath);
  if (path === undefined)
    return refused(`"%" must be followed by two hexadecimal digits (write % as %25): "${uri}"`);
  // Without a prototype, so that `params.constructor` is what the user wrote or nothing.
  const params = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in params) return refused(`parameter "${oneLine(name, 40)}" is given twice: "${uri}"`);
    params[name] = value;
  }
  return parsed({ uri, scheme: scheme.toLowerCase(), authority, path, params });
}

/** As {@link redactUri}, also when the text is no URI at all: it was meant to be one. */
export function redactTarget(text: string): string {
  return text.includes('://') ? redactUri(text) : text.replace(/^.*@/s, '***@');
}

/** Takes the target's credentials out of a text that others wrote, such as a registry client's error. */
export function hideSecrets(text: string, target: Target): string {
  const userInfo = target.authority.slice(0, Math.max(0, target.authority.lastIndexOf('@')));
  const password = userInfo.slice(userInfo.indexOf(':') + 1);
  const secretParams = Object.entries(target.params).filter(([name]) => isSecretParam(name));
  const secrets = [userInfo, password, decode(password) ?? '', ...secretParams.map(([, value]) => value)];
  return secrets
    .filter((secret) => secret !== '')
    .reduce((safe, secret) => safe.replaceAll(secret, '***'), redactUri(text));
}

/** What is wrong with the parameters of a target whose resolver knows only these. */
export function unknownParamProblem(target: Target, known: readonly string[]): string | undefined {
  const unknown = Object.keys(target.params).filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  const names = oneLine(unknown.map((name) => `"${oneLine(name, 40)}"`).join(', '), SHOWN);
  const rest = known.length > 0 ? `known: ${known.join(', ')}` : 'there are none';
  return `unknown parameter${unknown.length > 1 ? 's' : ''} ${names} for ${target.scheme}:// (${rest})`;
}

function notAUri(text: string, shown: string): string {
  const looksLikeNodes = text.split(',').every((node) => parseHostPort(node.trim()).ok);
  return looksLikeNodes
    ? `expected a URI; did you mean "${oneLine(`static:///${text}`, SHOWN)}"?`
    : `expected a URI such as static:///10.0.0.1:4001 or file:///etc/lb/orders.json, got "${shown}"`;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
