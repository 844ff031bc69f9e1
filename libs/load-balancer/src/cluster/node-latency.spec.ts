import { describe, expect, it } from '@jest/globals';
import { resolveEndpoint } from './endpoint.js';
import { ClusterNode } from './node.js';

function connectedNode(): ClusterNode {
  const clock = { now: () => 0, wall: () => 0 };
  const node = new ClusterNode(resolveEndpoint({ host: 'h', port: 1 }), false, clock, () => undefined);
  node.setConnection('connected', 'connected');
  return node;
}

function attempt(
  node: ClusterNode,
  outcome: 'answered' | 'lost' | 'refused' | 'rejected',
  latency = 8,
): void {
  node.begin();
  node.end(outcome, latency, undefined, 0, 60_000);
}

function reconnect(node: ClusterNode): void {
  node.setConnection('disconnected', 'reset');
  node.setConnection('connected', 'connected');
}

describe('the pace that a node is expected to have', () => {
  it.each(['lost', 'refused', 'rejected'] as const)(
    'is unknown once it is connected again: a process that was restarted does not pay for calls that were %s',
    (outcome) => {
      const node = connectedNode();
      attempt(node, 'answered');
      attempt(node, outcome);
      expect(node.pace(0)).toBeGreaterThanOrEqual(5_000);
      node.setConnection('disconnected', 'reset');
      expect(node.pace(0)).toBeGreaterThanOrEqual(5_000);
      node.setConnection('connected', 'connected');
      expect(node.pace(0)).toBeUndefined();
      expect(node.latency).toBe(8);
    },
  );

  it('is unknown when it starts after its clients, which it has refused until then', () => {
    const clock = { now: () => 0, wall: () => 0 };
    const node = new ClusterNode(resolveEndpoint({ host: 'h', port: 1 }), false, clock, () => undefined);
    node.setConnection('disconnected', 'ECONNREFUSED');
    attempt(node, 'refused');
    node.setConnection('connected', 'connected');
    expect(node.pace(0)).toBeUndefined();
  });

  it('is still that of a failure when it takes connections only to lose them', () => {
    const node = connectedNode();
    attempt(node, 'answered');
    attempt(node, 'lost');
    reconnect(node);
    attempt(node, 'lost');
    reconnect(node);
    expect(node.pace(0)).toBeGreaterThanOrEqual(5_000);
    attempt(node, 'answered');
    reconnect(node);
    expect(node.pace(0)).toBeUndefined();
  });

  it('outlasts a connection that was let go because nobody used it', () => {
    const node = connectedNode();
    attempt(node, 'answered', 400);
    node.setConnection('idle', 'not used');
    node.setConnection('connected', 'connected');
    expect(node.pace(0)).toBe(400);
  });
});
