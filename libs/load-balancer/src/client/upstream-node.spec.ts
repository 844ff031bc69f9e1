import { describe, expect, it, jest } from '@jest/globals';
import { resolveEndpoint } from '../cluster/endpoint.js';
import { ClusterNode } from '../cluster/node.js';
import type { NodeChannel } from '../transport/node-channel.js';
import type { NodeTransport, ReplyHandler } from '../transport/node-transport.js';
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
  const handle = new NodeHandle(node);
  const setNoDelay = jest.fn();
  const transport = {
    request: (_packet: unknown, handler: ReplyHandler) => {
      reply(handler);
      return () => undefined;
    },
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
