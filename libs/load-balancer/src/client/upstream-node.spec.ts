import { describe, expect, it, jest } from '@jest/globals';
import { resolveEndpoint } from '../cluster/endpoint.js';
import { ClusterNode } from '../cluster/node.js';
import type { NodeChannel } from '../transport/node-channel.js';
import type { NodeTransport, ReplyHandler } from '../transport/node-transport.js';
import { FakeTransport } from '../testing/fake-transport.js';
import { probeAnswer } from '../transport/probe-protocol.js';
import { NodeHandle } from './upstream-node.js';

/** A node whose transport answers every request as `reply` does. */
function probed(reply: (handler: ReplyHandler) => void) {
  const clock = { now: () => 0, wall: () => 0 };
  const node = new ClusterNode<NodeHandle>(
    resolveEndpoint({ host: 'h', port: 1 }),
    true,
    clock,
    () => undefined,
  );
  const handle = new NodeHandle(node, () => undefined);
  const setNoDelay = jest.fn();
  const transport = {
    request: (_packet: unknown, handler: ReplyHandler) => {
      reply(handler);
      return undefined;
    },
    forget: () => undefined,
    learned: () => undefined,
    readsTrailers: true,
    unwrap: () => ({ setNoDelay }),
  } as unknown as NodeTransport;
  handle.channel = { transport } as NodeChannel;
  const ends: (Error | undefined)[] = [];
  handle.probe((error) => ends.push(error));
  return { handle, setNoDelay, ends };
}

describe('a probe', () => {
  it('that our server answers tells what it can do, and switches Nagle’s algorithm off', () => {
    const { handle, setNoDelay, ends } = probed((handler) =>
      handler.next(probeAnswer('orders', ['context']), true),
    );
    expect(handle.capabilities).toMatchObject({ service: 'orders', features: new Set(['context']) });
    expect(setNoDelay).toHaveBeenCalledWith(true);
    expect(ends).toEqual([undefined]);
  });

  it('that a stock server answers proves life, and leaves the socket as ClientTCP would', () => {
    const { handle, setNoDelay, ends } = probed((handler) =>
      handler.error('There is no matching message handler defined in the remote service.'),
    );
    expect(handle.capabilities).toBeUndefined();
    expect(setNoDelay).not.toHaveBeenCalled();
    expect(ends).toEqual([undefined]);
  });

  it('whose connection goes has failed', () => {
    const gone = new Error('read ECONNRESET');
    expect(probed((handler) => handler.lost(gone, true)).ends).toEqual([gone]);
  });

  it('without a connection has failed, and sends nothing', () => {
    const { handle } = probed((handler) => handler.complete());
    handle.channel = { transport: undefined } as NodeChannel;
    const ends: (Error | undefined)[] = [];
    handle.probe((error) => ends.push(error));
    expect(ends).toEqual([new Error('not connected')]);
  });
});

describe('what a server of ours told', () => {
  const FEATURES = ['cancel', 'trailer'];
  function node() {
    const clock = { now: () => 0, wall: () => 0 };
    const told: unknown[] = [];
    const of = new ClusterNode<NodeHandle>(
      resolveEndpoint({ host: 'h', port: 1 }),
      true,
      clock,
      () => undefined,
    );
    const handle = new NodeHandle(of, (trailer) => told.push(trailer));
    const answer = (transport: FakeTransport, response?: unknown): void => {
      const open: NodeTransport = transport;
      handle.channel = { transport: open } as NodeChannel;
      handle.probe(() => undefined);
      const { reply } = transport.requests.at(-1)!;
      if (response === undefined) reply.error('There is no matching message handler');
      else reply.next(response, true);
    };
    return { handle, told, answer };
  }
  const connection = (): FakeTransport => new FakeTransport({ onClose: () => undefined });

  it('of its handlers holds for the connection, though it tells it only once', () => {
    const { handle, answer } = node();
    const first = connection();
    answer(first, probeAnswer('orders', FEATURES, { idempotent: ['quote'] }));
    answer(first, probeAnswer('orders', FEATURES));
    expect(handle.capabilities?.idempotent).toEqual(new Set(['quote']));
    answer(connection(), probeAnswer('orders', FEATURES));
    expect(handle.capabilities?.idempotent).toBeUndefined();
  });

  it('is forgotten when a stock server answers in its place', () => {
    const { handle, answer } = node();
    answer(connection(), probeAnswer('orders', FEATURES, { idempotent: ['quote'] }));
    answer(connection());
    expect(handle.capabilities).toBeUndefined();
  });

  it('reaches its connection, and its load and drain whoever listens', () => {
    const { told, answer } = node();
    const transport = connection();
    answer(transport, probeAnswer('orders', FEATURES, { draining: true, load: { inFlight: 2 } }));
    expect(transport.capabilities?.features).toEqual(new Set(FEATURES));
    expect(told).toEqual([{ draining: true, load: expect.objectContaining({ inFlight: 2 }) }]);
  });

  it('is asked for with what this client understands there', () => {
    const { answer } = node();
    const transport = connection();
    answer(transport);
    const plain = Object.assign(connection(), { readsTrailers: false });
    answer(plain);
    expect(transport.requests[0]!.packet.data).toEqual({ lb: 1, accept: ['trailer'] });
    expect(plain.requests[0]!.packet.data).toEqual({ lb: 1 });
  });
});
