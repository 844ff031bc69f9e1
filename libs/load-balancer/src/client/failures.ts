import type { AttemptRecord } from '../cluster/attempt-record.js';
import type { DiscoverySnapshot, NodeSnapshot } from '../cluster/snapshot.js';
import type { LoadBalancerError } from '../errors.js';
import {
  ClientClosedError,
  ConnectFailedError,
  ConnectionLostError,
  DeadlineExceededError,
  NoNodesError,
} from '../errors.js';

/** Nodes named one by one in a message; of more only the number is told. */
const NAMED = 5;

/**
 * Nobody can take the call: says what the first few nodes' trouble is. Many calls fail at once when a service is down, so
 * it does not look at every node of a large one.
 */
export function noNodes(
  service: string,
  nodes: ReadonlyMap<string, Pick<NodeSnapshot, 'key' | 'status' | 'reason'>>,
  { target, error }: DiscoverySnapshot,
): LoadBalancerError {
  if (nodes.size === 0) {
    return new NoNodesError(`${service}: no node is known for ${target}${error ? ` (${error})` : ''}`, {
      service,
    });
  }
  const named: string[] = [];
  for (const { key, status, reason } of nodes.values()) {
    if (named.push(`${key} is ${status} (${reason})`) === NAMED) break;
  }
  return new NoNodesError(`${service}: no node can take the call: ${list(named, nodes.size)}`, { service });
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
  const node = attempts.at(-1)?.node ?? 'a node';
  return new ConnectionLostError(
    `${service}: the connection to ${node} was lost after the call was sent, so it may or may not have been processed: ${describe(attempts)}`,
    { service, attempts, cause },
  );
}

/** The deadline passed: says where the time went. `timeout`: milliseconds that the call had from its start. */
export function deadlineExceeded(
  service: string,
  timeout: number,
  attempts: readonly AttemptRecord[],
): LoadBalancerError {
  if (timeout <= 0) {
    return new DeadlineExceededError(`${service}: the deadline had passed before the call was made`, {
      service,
    });
  }
  const where = attempts.length === 0 ? 'while waiting for a node' : describe(attempts);
  return new DeadlineExceededError(`${service}: no answer within ${Math.round(timeout)} ms: ${where}`, {
    service,
    attempts,
  });
}

function describe(attempts: readonly AttemptRecord[]): string {
  const named = attempts.slice(0, NAMED).map(({ node, outcome, duration, reason }) => {
    const why = reason ? `: ${reason}` : '';
    return `${node} ${outcome} after ${duration.toFixed(duration < 10 ? 1 : 0)} ms${why}`;
  });
  return list(named, attempts.length);
}

function list(named: readonly string[], total: number): string {
  const more = total > named.length ? `; and ${total - named.length} more` : '';
  return named.join('; ') + more;
}
