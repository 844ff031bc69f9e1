import { isIP, isIPv6, SocketAddress } from 'node:net';
import { describeValue } from '../safe-text.js';
import { parsed, refused, type Parsed } from './parsed.js';

export interface HostPort {
  /** Without brackets, in its canonical form. */
  readonly host: string;
  readonly port: number;
}

/** RFC 1123 labels, and underscores since container names have them. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const MAX_NAME = 253;

/** Parses `host:4001` or `[::1]:4001`. */
export function parseHostPort(text: string): Parsed<HostPort> {
  const bracketed = /^\[([^\]]*)\](.*)$/s.exec(text);
  const colon = text.lastIndexOf(':');
  const host = bracketed ? (bracketed[1] ?? '') : colon < 0 ? text : text.slice(0, colon);
  const afterHost = bracketed ? (bracketed[2] ?? '') : colon < 0 ? '' : text.slice(colon);

  if (text === '') return refused('expected host:port, got nothing');
  if (text.includes('://')) return refused(`expected host:port without a scheme, got ${describeValue(text)}`);
  if (bracketed && !isIPv6(host))
    return refused(`expected an IPv6 address in the brackets, got ${describeValue(host)}`);
  if (!bracketed && host.includes(':')) {
    return refused(`an IPv6 address needs brackets and a port: [::1]:4001, got ${describeValue(text)}`);
  }
  if (!/^:./s.test(afterHost))
    return refused(`expected a port after the host (host:4001), got ${describeValue(text)}`);
  const port = /^:\d+$/.test(afterHost) ? Number(afterHost.slice(1)) : afterHost.slice(1);
  const problem = hostProblem(host) ?? portProblem(port);
  return problem === undefined ? parsed({ host: canonicalHost(host), port: Number(port) }) : refused(problem);
}

/** What is wrong with a host (without brackets), if anything. */
export function hostProblem(host: unknown): string | undefined {
  if (typeof host !== 'string' || host === '') {
    return `expected a host name or an IP address, got ${describeValue(host)}`;
  }
  if (isIP(host) !== 0) return undefined;
  const labels = host.replace(/\.$/, '').split('.');
  if (host.length > MAX_NAME || !labels.every((label) => LABEL.test(label))) {
    return `not a host name or an IP address: ${describeValue(host)}`;
  }
  // As in URLs: what ends in a number is meant to be an IPv4 address, and a name server would not know it.
  return /^\d+$/.test(labels.at(-1) ?? '') ? `not a valid IPv4 address: ${describeValue(host)}` : undefined;
}

/** What is wrong with a port, if anything. */
export function portProblem(port: unknown): string | undefined {
  if (typeof port !== 'number' || !Number.isInteger(port)) {
    return `expected a port (1–65535), got ${describeValue(port)}`;
  }
  return port >= 1 && port <= 65_535 ? undefined : `port out of range: ${port} (1–65535)`;
}

/** One spelling for each host, so that two spellings of a node are not taken for two nodes. */
export function canonicalHost(host: string): string {
  // A zone (`fe80::1%eth0`) names a network interface of this machine and is kept as written.
  return host.includes(':') && !host.includes('%')
    ? new SocketAddress({ address: host, family: 'ipv6' }).address
    : host.toLowerCase();
}
