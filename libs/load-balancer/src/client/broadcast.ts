import type { ReadPacket } from '@nestjs/microservices';
import { InvalidOptionsError } from '../errors.js';
import type { NodeTransport } from '../transport/node-transport.js';
import { reasonOf } from '../transport/reason.js';
import type { CallOptions } from './call-options.js';
import type { Upstream } from './upstream.js';
import type { UpstreamNode } from './upstream-node.js';

/** Options of `broadcast()`. */
export type BroadcastOptions = Pick<CallOptions, 'timeout' | 'metadata'>;

/**
 * Checks what is special about them; the rest is done with the options of every call.
 *
 * @throws InvalidOptionsError for options of a call that mean nothing here
 */
export function validateBroadcastOptions(options: CallOptions | undefined): void {
  const problems = (['signal', 'waitForReady'] as const)
    .filter((name) => options?.[name] !== undefined)
    .map((name) => ({ path: `broadcast(…).${name}`, message: 'is for send() and emit() only' }));
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}

/** What became of a broadcast, node by node. */
export interface BroadcastReport {
  /** `host:port` of each node that the event was handed to. */
  readonly sent: readonly string[];
  /** The nodes it could not be handed to, and why. */
  readonly failed: readonly { readonly node: string; readonly reason: string }[];
}

/**
 * Hands an event to every ready node; each gets a packet of its own, since hooks and serializers may change it.
 *
 * @param timeout milliseconds after which a node that does not read counts as failed; 0 for no limit
 */
export async function broadcast(
  upstream: Upstream,
  packet: () => ReadPacket,
  timeout: number,
): Promise<BroadcastReport> {
  const sent: string[] = [];
  const failed: { node: string; reason: string }[] = [];
  const late = timeoutAfter(timeout);
  const handOver = async (node: UpstreamNode, transport: NodeTransport): Promise<void> => {
    try {
      await Promise.race([transport.event(packet()), late.promise]);
      sent.push(node.key);
    } catch (error) {
      failed.push({ node: node.key, reason: reasonOf(error) });
    }
  };
  const pending: Promise<void>[] = [];
  for (const node of upstream.cluster.nodes.values()) {
    const { transport } = node.handle.channel;
    if (node.status === 'ready' && transport) pending.push(handOver(node, transport));
  }
  await Promise.all(pending);
  late.cancel();
  return { sent, failed };
}

/** A promise that rejects after `timeout` milliseconds, never for 0. */
function timeoutAfter(timeout: number): { promise: Promise<never>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<never>((_, reject) => {
    if (timeout > 0)
      timer = setTimeout(() => reject(new Error(`not handed over within ${timeout} ms`)), timeout);
  });
  // With no node at all, nobody listens.
  promise.catch(() => undefined);
  return { promise, cancel: () => clearTimeout(timer) };
}
