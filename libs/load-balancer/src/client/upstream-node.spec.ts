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

const FEATURES = ['cancel', 'trailer'];
/** A node whose probes the test answers on whatever connection it likes. */
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

describe('a request for the load of a node', () => {
  const asked = ({ requests }: FakeTransport): number => requests.length - 1;

  function known() {
    const { answer, ...rest } = node();
    const transport = connection();
    answer(transport, probeAnswer('orders', FEATURES));
    return { answer, transport, ...rest };
  }

  it('is answered with what the server tells', () => {
    const { handle, told, transport } = known();
    handle.requestLoad();
    transport.requests[1]!.reply.next(probeAnswer('orders', FEATURES, { load: { inFlight: 4 } }), true);
    expect(told.at(-1)).toMatchObject({ load: { inFlight: 4 } });
  });

  it('is made again only when the one before has been answered', () => {
    const { handle, transport } = known();
    for (let i = 0; i < 3; i++) handle.requestLoad();
    expect(asked(transport)).toBe(1);
    transport.requests[1]!.reply.next(probeAnswer('orders', FEATURES), true);
    handle.requestLoad();
    handle.requestLoad();
    expect(asked(transport)).toBe(2);
  });

  it('is not made of a server that cannot tell, nor of one that has not been probed on this connection', () => {
    const { handle, answer } = node();
    const stock = connection();
    answer(stock);
    handle.requestLoad();
    expect(asked(stock)).toBe(0);
    const fresh = connection();
    handle.channel = { transport: fresh } as unknown as NodeChannel;
    handle.requestLoad();
    handle.channel = { transport: undefined } as NodeChannel;
    handle.requestLoad();
    expect(fresh.requests).toEqual([]);
  });

  it('that was lost with its connection does not stand in the way of one on the next', () => {
    const { handle, answer, transport } = known();
    handle.requestLoad();
    const next = connection();
    answer(next, probeAnswer('orders', FEATURES));
    handle.requestLoad();
    transport.requests[1]!.reply.lost(new Error('read ECONNRESET'), true);
    handle.requestLoad();
    expect(asked(next)).toBe(1);
  });

  it('that the user’s serializer will not have is not tried again, and harms nobody', () => {
    const { handle, transport } = known();
    transport.serializerError = new Error('what is this?');
    expect(() => handle.requestLoad()).not.toThrow();
    transport.serializerError = undefined;
    handle.requestLoad();
    expect(asked(transport)).toBe(0);
  });
});
