import type { ReadPacket } from '@nestjs/microservices';
import { InvalidOptionsError } from '../errors.js';
import type { NodeTransport } from '../transport/node-transport.js';
import { reasonOf } from '../transport/reason.js';
import type { CallOptions } from './call-options.js';
import { deadlineExceeded } from './failures.js';
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
  const problems = MEANINGLESS.filter((name) => options?.[name] !== undefined).map((name) => ({
    path: `broadcast(…).${name}`,
    message: 'is for send() and emit() only',
  }));
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}

const MEANINGLESS = [
  'signal',
  'waitForReady',
  'idempotent',
  'retry',
  'hedge',
  'strategy',
  'hashKey',
  'explainErrors',
] as const satisfies (keyof CallOptions)[];

/** What became of a broadcast, node by node. */
export interface BroadcastReport {
  /** `host:port` of each node that the event was handed to. */
  readonly sent: readonly string[];
  /** The nodes it could not be handed to, and why. */
  readonly failed: readonly { readonly node: string; readonly reason: string }[];
}

/**
 * Hands an event to every node that can take one: those that are ready, those that are idle, whose connection is opened
 * for it, and in a panic all that are connected. While there is none of either, the first is waited for. Each gets a packet of its own, since hooks and
 * serializers may change it.
 *
 * @param timeout milliseconds for all of it; a node that has not taken the event then counts as failed. 0 for no limit
 * @throws `DeadlineExceededError` when no node came in time, and what `Upstream#ready()` throws
 */
export async function broadcast(
  upstream: Upstream,
  packet: () => ReadPacket,
  timeout: number,
): Promise<BroadcastReport> {
  const late = timeoutAfter(timeout);
  try {
    const came = await Promise.race([upstream.ready().then(() => true), late.promise]);
    if (!came) throw deadlineExceeded(upstream.options.name, timeout, [], upstream.cluster.nodes);
    const sent: string[] = [];
    const failed: { node: string; reason: string }[] = [];
    const handOver = async (node: UpstreamNode): Promise<void> => {
      try {
        const taken = transportOf(node).then((transport) => {
          // Told that it has failed, the caller may send it again.
          if (late.passed()) throw new Error('too late');
          return transport.event(packet());
        });
        const inTime = await Promise.race([taken.then(() => true), late.promise]);
        if (inTime) sent.push(node.key);
        else failed.push({ node: node.key, reason: `not handed over within ${timeout} ms` });
        // What comes of it later concerns nobody.
        taken.catch(() => undefined);
      } catch (error) {
        failed.push({ node: node.key, reason: reasonOf(error) });
      }
    };
    // Those of weight 0 get no calls, but may want to hear of events; in a panic, those that are ill do, too.
    const takers = new Set(upstream.cluster.candidates);
    for (const node of upstream.cluster.nodes.values())
      if (node.status === 'ready' || node.status === 'idle') takers.add(node);
    await Promise.all([...takers].map(handOver));
    return { sent, failed };
  } finally {
    late.cancel();
  }
}

/** The connection of a node, opened if need be. */
async function transportOf({ handle }: UpstreamNode): Promise<NodeTransport> {
  const { transport } = handle.channel;
  if (transport) return transport;
  return new Promise((resolve, reject) => {
    handle.whenConnected((error, opened) => {
      if (opened) resolve(opened);
      else reject(error ?? new Error('the connection went'));
    });
  });
}

/** A promise of `false` after `timeout` milliseconds, never for 0. */
function timeoutAfter(timeout: number): {
  promise: Promise<false>;
  passed: () => boolean;
  cancel: () => void;
} {
  let timer: NodeJS.Timeout | undefined;
  let passed = false;
  const promise = new Promise<false>((resolve) => {
    if (timeout > 0)
      timer = setTimeout(() => {
        passed = true;
        resolve(false);
      }, timeout);
  });
  return { promise, passed: () => passed, cancel: () => clearTimeout(timer) };
}
