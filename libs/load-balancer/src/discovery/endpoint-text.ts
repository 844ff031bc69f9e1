import { describeValue, oneLine } from '../safe-text.js';
import { parseHostPort } from './host-port.js';
import { parsed, refused, type Parsed } from './parsed.js';

/** How each attribute's text becomes the value that an endpoint object would have. */
const ATTRIBUTES: ReadonlyMap<string, (text: string) => unknown> = new Map<string, (text: string) => unknown>(
  [
    ['weight', toNumber],
    ['zone', (text) => text],
    ['priority', toNumber],
    ['draining', (text) => (text === 'true' ? true : text === 'false' ? false : text)],
  ],
);

/**
 * Parses a node written in one word: `10.0.0.1:4001`, `[::1]:4001;weight=2;zone=eu-1a;draining=true`.
 * The values of the attributes are checked later, as those of an endpoint object are.
 */
export function parseEndpointText(text: string): Parsed<Record<string, unknown>> {
  const [address = '', ...attributes] = text.split(';').map((part) => part.trim());
  const hostPort = parseHostPort(address);
  if (!hostPort.ok) return hostPort;

  const endpoint: Record<string, unknown> = { ...hostPort.value };
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=');
    const name = attribute.slice(0, Math.max(0, equals));
    const toValue = ATTRIBUTES.get(name);
    if (!toValue) {
      return refused(
        `expected ;name=value with one of ${[...ATTRIBUTES.keys()].join(', ')}, got ${describeValue(attribute)}`,
      );
    }
    if (Object.hasOwn(endpoint, name)) return refused(`"${oneLine(name, 40)}" is given twice`);
    endpoint[name] = toValue(attribute.slice(equals + 1));
  }
  return parsed(endpoint);
}

/** A plain decimal as a number; other text unchanged, to be refused (and shown) by the check of the value. */
function toNumber(text: string): unknown {
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}
