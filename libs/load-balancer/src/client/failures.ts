import type { AttemptRecord } from '../cluster/attempt-record.js';
import type { DiscoverySnapshot, NodeSnapshot } from '../cluster/snapshot.js';
import type { PushBack } from '../resilience/retry-backoff.js';
import type { LoadBalancerError } from '../errors.js';
import {
  CancelledError,
  ClientClosedError,
  ConnectFailedError,
  ConnectionLostError,
  DeadlineExceededError,
  NoNodesError,
  OverloadedError,
} from '../errors.js';

/** Nodes named one by one in a message; of more only the number is told. */
const NAMED = 5;

/**
 * Nobody can take the call: says what the first few nodes' trouble is. Many calls fail at once when a service is down, so
 * it does not look at every node of a large one.
 */
export function noNodes(
  service: string,
  nodes: NodeStates,
  { target, error }: DiscoverySnapshot,
): LoadBalancerError {
  if (nodes.size === 0) {
    return new NoNodesError(`${service}: no node is known for ${target}${error ? ` (${error})` : ''}`, {
      service,
    });
  }
  return new NoNodesError(`${service}: no node can take the call: ${states(nodes)}`, { service });
}

/** Every node that was tried is about to stop. Nothing was processed. */
export function refusedByDraining(service: string, attempts: readonly AttemptRecord[]): LoadBalancerError {
  return new NoNodesError(`${service}: every node that was tried is draining: ${describe(attempts)}`, {
    service,
    attempts,
  });
}

/** The limits of this client are reached, and so are those of its queue. */
export function overloadedHere(service: string, attempts: readonly AttemptRecord[]): LoadBalancerError {
  const tried = attempts.length === 0 ? '' : `; before that: ${describe(attempts)}`;
  return new OverloadedError(`${service}: as many calls as its limits allow are under way${tried}`, {
    service,
    attempts,
  });
}

/** The servers have as much as they can take. */
export function overloaded(
  service: string,
  attempts: readonly AttemptRecord[],
  retryAfter: PushBack | undefined,
): LoadBalancerError {
  return new OverloadedError(`${service}: refused for lack of capacity: ${describe(attempts)}`, {
    service,
    attempts,
    retryAfter: typeof retryAfter === 'number' ? retryAfter : undefined,
  });
}

/** The caller went away. */
export function cancelled(
  service: string,
  message: string,
  attempts: readonly AttemptRecord[],
  cause: unknown,
): LoadBalancerError {
  return new CancelledError(`${service}: ${message}`, { service, attempts, cause });
}

type NodeStates = ReadonlyMap<string, Pick<NodeSnapshot, 'key' | 'status' | 'reason'>>;

function states(nodes: NodeStates): string {
  const named: string[] = [];
  for (const { key, status, reason } of nodes.values()) {
    if (named.push(`${key} is ${status} (${reason})`) === NAMED) break;
  }
  return list(named, nodes.size);
}

/** It was called after `close()`, or had found no node when `close()` had waited long enough. */
export function clientClosed(service: string, attempts: readonly AttemptRecord[] = []): LoadBalancerError {
  const tried = attempts.length === 0 ? '' : `; before that: ${describe(attempts)}`;
  return new ClientClosedError(`${service}: the client is closed; connect() opens it again${tried}`, {
    service,
    attempts,
  });
}

/** Every node that was tried refused, and there is none left. */
export function connectFailed(
  service: string,
  attempts: readonly AttemptRecord[],
  cause: unknown,
): LoadBalancerError {
  return new ConnectFailedError(`${service}: no node could be reached: ${describe(attempts)}`, {
    service,
    attempts,
    cause,
  });
}

/** The call was sent, then its connection went. */
export function connectionLost(
  service: string,
  attempts: readonly AttemptRecord[],
  cause: unknown,
): LoadBalancerError {
  const lost = attempts.findLast(({ outcome }) => outcome === 'lost') ?? attempts.at(-1);
  const node = lost?.node ?? 'a node';
  return new ConnectionLostError(
    `${service}: the connection to ${node} was lost after the call was sent, so it may or may not have been processed: ${describe(attempts)}`,
    { service, attempts, cause },
  );
}

/**
 * The deadline passed: says where the time went.
 *
 * @param timeout milliseconds that the call had from its start
 * @param queued it waited for others to end, rather than for a node
 */
export function deadlineExceeded(
  service: string,
  timeout: number,
  attempts: readonly AttemptRecord[],
  nodes: NodeStates,
  queued = false,
): LoadBalancerError {
  if (timeout <= 0) {
    return new DeadlineExceededError(`${service}: the deadline had passed before the call was made`, {
      service,
    });
  }
  const where = attempts.length === 0 ? waitedFor(nodes, queued) : describe(attempts);
  return new DeadlineExceededError(`${service}: no answer within ${milliseconds(timeout)} ms: ${where}`, {
    service,
    attempts,
  });
}

function waitedFor(nodes: NodeStates, queued: boolean): string {
  if (queued) return 'while waiting for its turn, since as many calls as the limits allow were under way';
  return nodes.size === 0 ? 'while waiting for a node' : `while waiting for a node: ${states(nodes)}`;
}

function describe(attempts: readonly AttemptRecord[]): string {
  const named = attempts.slice(0, NAMED).map(({ node, outcome, duration, reason }) => {
    const why = reason ? `: ${reason}` : '';
    return `${node} ${outcome} after ${milliseconds(duration)} ms${why}`;
  });
  return list(named, attempts.length);
}

function list(named: readonly string[], total: number): string {
  const more = total > named.length ? `; and ${total - named.length} more` : '';
  return named.join('; ') + more;
}

function milliseconds(duration: number): string {
  return duration.toFixed(duration < 10 ? 1 : 0).replace(/\.0$/, '');
}
