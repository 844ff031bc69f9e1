import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { canonicalHost, hostProblem, parseHostPort, portProblem } from '../../discovery/host-port.js';
import { parsed, refused, type Parsed } from '../../discovery/parsed.js';
import type { Target } from '../../discovery/resolver.js';

/** Where a server listens; what `net.Server#address()` tells. */
export interface Listening {
  readonly address: string;
  readonly port: number;
}

/** What is given of the address to advertise. */
export interface Advertise {
  readonly host: string;
  /** The port that the server listens on, if it is left out. */
  readonly port: number | undefined;
}

/** Parses `host`, `host:port`, `::1` or `[::1]:4001`. */
export function parseAdvertise(text: string): Parsed<Advertise> {
  if (hostProblem(text) === undefined) return parsed({ host: canonicalHost(text), port: undefined });
  const hostPort = parseHostPort(text);
  if (!hostPort.ok) return refused(hostPort.problem);
  const problem = portProblem(hostPort.value.port);
  return problem === undefined ? hostPort : refused(problem);
}

/**
 * The address under which others reach a server: the one it listens on (that of a name as this machine knows it: `localhost` means
 * another machine to each who reads it) or, when it listens on all, that from which this machine
 * would speak to the registry. If that is a loopback address (the registry runs beside the provider, as an agent does), it is the
 * first one of an interface to the outside, and of no other only when there is none.
 */
export async function findAddress(listening: Listening, target: Target): Promise<string> {
  const address = await addressOf(listening.address);
  if (!isUnspecified(address)) return address;
  const towardsRegistry = await localAddressTowards(target).catch(() => undefined);
  if (towardsRegistry !== undefined && !isLoopback(towardsRegistry)) return towardsRegistry;
  return outsideAddress(address) ?? towardsRegistry ?? '127.0.0.1';
}

/** What a server listens on that is told to listen on this. */
async function addressOf(host: string): Promise<string> {
  return canonicalHost(isIP(host) === 0 ? (await lookup(host)).address : host);
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** "Connecting" a UDP socket sends nothing: the system only chooses the route, and so the address to send from. */
async function localAddressTowards({ authority }: Target): Promise<string | undefined> {
  const [first = ''] = authority.slice(authority.lastIndexOf('@') + 1).split(',');
  const registry = parseHostPort(/:\d+$/.test(first) ? first : `${first}:1`);
  if (!registry.ok) return undefined;
  const { address, family } = await lookup(registry.value.host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    socket.connect(registry.value.port, address);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

/** IPv4 first, unless the server listens on IPv6 only; never one that means something on its own link only. */
function outsideAddress(listening: string): string | undefined {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:|^169\.254\./i.test(address))
    .map(({ address }) => address);
  const ipv4 = addresses.find((address) => !isIPv6(address));
  return ipv4 ?? (listening === '::' ? addresses[0] : undefined);
}
