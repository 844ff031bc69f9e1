import { describe, expect, it } from '@jest/globals';
import type { AttemptRecord } from '../cluster/attempt-record.js';
import type { DiscoverySnapshot } from '../cluster/snapshot.js';
import { clientClosed, connectFailed, connectionLost, deadlineExceeded, noNodes } from './failures.js';

const refused = (node: string): AttemptRecord => ({
  node,
  outcome: 'refused',
  duration: 1.26,
  reason: 'connect ECONNREFUSED',
});
const discovery: DiscoverySnapshot = {
  target: 'static:///a:1',
  state: 'ok',
  lastSuccess: undefined,
  age: undefined,
  error: undefined,
  warning: undefined,
  targets: [],
};
const known = (count: number) =>
  new Map(
    Array.from({ length: count }, (_, i) => [
      `n${i}:1`,
      { key: `n${i}:1`, status: 'disconnected' as const, reason: 'refused' },
    ]),
  );

describe('NO_NODES', () => {
  it('says what is wrong with each node', () => {
    const error = noNodes('orders', known(2), discovery);
    expect(error).toMatchObject({ name: 'NoNodesError', code: 'NO_NODES', service: 'orders', attempts: [] });
    expect(error.message).toBe(
      'orders: no node can take the call: n0:1 is disconnected (refused); n1:1 is disconnected (refused)',
    );
  });

  it('names a few of many, and looks at no more than it names', () => {
    const nodes = known(10_000);
    let looked = 0;
    for (const node of nodes.values()) {
      Object.defineProperty(node, 'status', {
        get: () => {
          looked++;
          return 'disconnected';
        },
      });
    }
    const { message } = noNodes('orders', nodes, discovery);
    expect(message).toMatch(/n4:1 is disconnected \(refused\); and 9995 more$/);
    expect(looked).toBe(5);
  });

  it('names the target when there is no node at all, and its trouble', () => {
    expect(noNodes('orders', known(0), discovery).message).toBe('orders: no node is known for static:///a:1');
    const failing = { ...discovery, state: 'failing' as const, error: 'no such file' };
    expect(noNodes('orders', known(0), failing).message).toBe(
      'orders: no node is known for static:///a:1 (no such file)',
    );
  });
});

it('CONNECT_FAILED says which nodes were tried, and why each failed', () => {
  const cause = new Error('connect ECONNREFUSED');
  const error = connectFailed('orders', [refused('a:1'), refused('b:1')], cause);
  expect(error).toMatchObject({ code: 'CONNECT_FAILED', cause });
  expect(error.attempts).toHaveLength(2);
  expect(error.message).toBe(
    'orders: no node could be reached: a:1 refused after 1.3 ms: connect ECONNREFUSED; b:1 refused after 1.3 ms: connect ECONNREFUSED',
  );
});

it('CONNECTION_LOST names the node that may have processed the call', () => {
  const lost: AttemptRecord = { node: 'b:1', outcome: 'lost', duration: 12.4, reason: 'read ECONNRESET' };
  const error = connectionLost('orders', [refused('a:1'), lost], undefined);
  expect(error.code).toBe('CONNECTION_LOST');
  expect(error.message).toContain('the connection to b:1 was lost after the call was sent');
  expect(error.message).toContain('b:1 lost after 12 ms: read ECONNRESET');
});

it('DEADLINE_EXCEEDED says where the time went', () => {
  const late: AttemptRecord = { node: 'a:1', outcome: 'timed-out', duration: 300.2, reason: '' };
  expect(deadlineExceeded('orders', 300, [late], new Map()).message).toBe(
    'orders: no answer within 300 ms: a:1 timed-out after 300 ms',
  );
  expect(deadlineExceeded('orders', 300, [], new Map()).message).toBe(
    'orders: no answer within 300 ms: while waiting for a node',
  );
  expect(deadlineExceeded('orders', -3, [], new Map()).message).toBe(
    'orders: the deadline had passed before the call was made',
  );
});

it('CLIENT_CLOSED says what was tried before', () => {
  expect(clientClosed('orders').message).toBe('orders: the client is closed; connect() opens it again');
  expect(clientClosed('orders', [refused('a:1')]).message).toMatch(
    /; before that: a:1 refused after 1.3 ms: connect ECONNREFUSED$/,
  );
});
