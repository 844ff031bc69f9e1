import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeTransport } from '../testing/fake-transport.js';
import { SYSTEM_TIME } from '../time-source.js';
import { NodeChannel } from './node-channel.js';

const SETTLED = 1_000;
const IDLE_TIMEOUT = 10_000;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
});

afterEach(() => {
  jest.useRealTimers();
});

/** A channel over fake connections; each failed attempt is followed by a delay of 100 ms more than the one before. */
function setUp({ idleTimeout = 0 } = {}) {
  const transports: FakeTransport[] = [];
  const log: string[] = [];
  const hooks: { onState?: (state: string) => void; opening?: () => void } = {};
  let used = false;
  const channel = new NodeChannel(
    (listener) => {
      hooks.opening?.();
      const transport = new FakeTransport(listener);
      transports.push(transport);
      return transport;
    },
    {
      backoff: (attempt) => 100 * (attempt + 1),
      settled: SETTLED,
      idleTimeout,
      time: SYSTEM_TIME,
    },
    {
      onConnection: (state, reason) => {
        log.push(`${state}: ${reason}`);
        hooks.onState?.(state);
      },
      wasUsed: () => used,
    },
  );
  return {
    channel,
    transports,
    log,
    hooks,
    latest: () => transports.at(-1)!,
    setUsed: (value: boolean) => (used = value),
  };
}

const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

async function connected(options?: { idleTimeout: number }) {
  const all = setUp(options);
  all.channel.connect();
  all.latest().accept();
  await after(0);
  all.log.length = 0;
  return all;
}

describe('connecting', () => {
  it('says so the first time, and when the connection is there', async () => {
    const { channel, latest, log } = setUp();
    channel.connect();
    expect(log).toEqual(['connecting: connecting']);
    expect(channel.connected).toBe(false);
    latest().accept();
    await after(0);
    expect(log).toEqual(['connecting: connecting', 'connected: connected']);
    expect(channel.transport).toBe(latest());
  });

  it('makes one connection, however often it is asked', async () => {
    const { channel, transports, latest } = setUp();
    channel.connect();
    channel.connect();
    latest().accept();
    await after(0);
    channel.connect();
    expect(transports).toHaveLength(1);
  });

  it('is tried again with back-off while the node refuses', async () => {
    const { channel, transports, log } = setUp();
    channel.connect();
    const attemptsAt: number[] = [];
    for (let time = 0; time <= 1_000; time += 10) {
      while (attemptsAt.length < transports.length) attemptsAt.push(time);
      transports.at(-1)!.refuse();
      await after(10);
    }
    // 100, 200, 300 and 400 ms apart.
    expect(attemptsAt).toEqual([0, 100, 300, 600, 1_000]);
    expect(log.slice(0, 3)).toEqual([
      'connecting: connecting',
      'disconnected: connect ECONNREFUSED',
      'disconnected: connect ECONNREFUSED',
    ]);
  });

  it('does not wait for the end of the back-off when it is asked to', async () => {
    const { channel, transports, latest } = setUp();
    channel.connect();
    latest().refuse();
    await after(10);
    channel.connect();
    expect(transports).toHaveLength(2);
    latest().accept();
    await after(5_000);
    expect(transports).toHaveLength(2);
  });

  it('fails later and not at once when it cannot even be begun', async () => {
    const { channel, log, hooks } = setUp();
    hooks.opening = () => {
      throw new Error('no such certificate');
    };
    channel.connect();
    expect(log).toEqual(['connecting: connecting']);
    await after(0);
    expect(log).toEqual(['connecting: connecting', 'disconnected: no such certificate']);
  });

  it('counts as failed when the connection goes before it is known to be there', async () => {
    const { channel, transports, latest, log } = setUp();
    channel.connect();
    latest().accept();
    latest().lose(new Error('gone at once'));
    await after(0);
    expect(log).toEqual(['connecting: connecting', 'disconnected: gone at once']);
    expect(channel.connected).toBe(false);
    await after(100);
    expect(transports).toHaveLength(2);
  });

  it('names every address of a host that was tried, once each', async () => {
    const { channel, latest, log } = setUp();
    channel.connect();
    const errors = [new Error('a'), new Error('b'), new Error('a')];
    latest().refuse(new AggregateError(errors));
    await after(0);
    expect(log.at(-1)).toBe('disconnected: a; b');
  });
});

describe('a lost connection', () => {
  it('is made again at once when it had held', async () => {
    const { transports, latest, log } = await connected();
    await after(SETTLED);
    latest().lose();
    expect(log).toEqual(['disconnected: read ECONNRESET']);
    expect(transports).toHaveLength(2);
    latest().accept();
    await after(0);
    expect(log).toEqual(['disconnected: read ECONNRESET', 'connected: connected']);
  });

  it('is not told of as connecting: calls do not wait for a node that has failed', async () => {
    const { latest, log } = await connected();
    latest().lose();
    latest().accept();
    await after(0);
    expect(log.filter((line) => line.startsWith('connecting'))).toEqual([]);
  });

  it('is made again at once only the first time when the node accepts and closes, then ever more slowly', async () => {
    const { transports } = await connected();
    const acceptAndClose = async (time: number): Promise<void> => {
      for (let passed = 0; passed < time; passed += 10) {
        transports.at(-1)!.accept();
        await Promise.resolve();
        transports.at(-1)!.lose();
        await after(10);
      }
    };
    await acceptAndClose(50);
    expect(transports).toHaveLength(2);
    await acceptAndClose(100 + 200 + 300);
    expect(transports.length).toBeLessThanOrEqual(5);
  });

  it('is made again at once anew when a connection has held in between', async () => {
    const { transports, latest } = await connected();
    latest().lose();
    latest().accept();
    await after(SETTLED);
    latest().lose();
    expect(transports).toHaveLength(3);
  });

  it('is heard of once, and nothing of what an old one still tells', async () => {
    const { channel, transports, log } = await connected();
    const [first] = transports;
    await after(SETTLED);
    first!.lose();
    transports.at(-1)!.accept();
    await after(0);
    first!.lose();
    expect(log).toEqual(['disconnected: read ECONNRESET', 'connected: connected']);
    expect(channel.connected).toBe(true);
  });
});

describe('reset', () => {
  it('gives the connection up and makes another after a delay', async () => {
    const { channel, transports, latest, log } = await connected();
    const reply = { next: jest.fn(), complete: jest.fn(), error: jest.fn(), lost: jest.fn() };
    latest().request({ pattern: 'p', data: 1 }, reply);
    channel.reset('silent');
    expect(log).toEqual(['disconnected: silent']);
    expect(latest().state).toBe('closed');
    expect(reply.lost).toHaveBeenCalledTimes(1);
    await after(99);
    expect(transports).toHaveLength(1);
    await after(1);
    expect(transports).toHaveLength(2);
  });

  it('begins anew with the delays when the connection had held', async () => {
    const { channel, transports, latest } = setUp();
    channel.connect();
    latest().refuse();
    await after(100);
    latest().refuse();
    await after(200);
    latest().accept();
    await after(SETTLED);

    channel.reset('going away');
    await after(99);
    expect(transports).toHaveLength(3);
    await after(1);
    expect(transports).toHaveLength(4);
  });

  it('does nothing while there is no connection', async () => {
    const { channel, transports, log } = setUp();
    channel.reset('silent');
    channel.connect();
    channel.reset('silent');
    await after(1_000);
    expect(log).toEqual(['connecting: connecting']);
    expect(transports).toHaveLength(1);
  });
});

describe('hurry', () => {
  it('brings the next attempt forward, and never puts it off', async () => {
    const { channel, transports, latest } = setUp();
    channel.connect();
    latest().refuse();
    await after(10);

    channel.hurry(200);
    await after(30);
    channel.hurry(20);
    await after(19);
    expect(transports).toHaveLength(1);
    await after(1);
    expect(transports).toHaveLength(2);
  });

  it('does nothing to a connection that is there or being made', async () => {
    const { channel, transports, latest } = setUp();
    channel.hurry(0);
    channel.connect();
    channel.hurry(0);
    latest().accept();
    await after(0);
    channel.hurry(0);
    await after(1_000);
    expect(transports).toHaveLength(1);
  });

  it('does nothing after the end', async () => {
    const { channel, transports, latest } = setUp();
    channel.connect();
    latest().refuse();
    await after(10);
    channel.close();
    channel.hurry(0);
    await after(1_000);
    expect(transports).toHaveLength(1);
  });
});

describe('an idle connection', () => {
  it('is closed after the timeout, and made anew when asked for', async () => {
    const { channel, latest, log } = await connected({ idleTimeout: IDLE_TIMEOUT });
    await after(IDLE_TIMEOUT);
    expect(log).toEqual(['idle: closed after standing idle']);
    expect(latest().state).toBe('closed');
    await after(60_000);
    channel.connect();
    latest().accept();
    await after(0);
    // As at first, so that calls wait for it.
    expect(log.slice(1)).toEqual(['connecting: connecting', 'connected: connected']);
  });

  it('stays while it is used', async () => {
    const { log, setUsed } = await connected({ idleTimeout: IDLE_TIMEOUT });
    setUsed(true);
    await after(3 * IDLE_TIMEOUT);
    expect(log).toEqual([]);
    setUsed(false);
    await after(IDLE_TIMEOUT);
    expect(log).toHaveLength(1);
  });
});

describe('closing', () => {
  it('ends the connection and never makes another', async () => {
    const { channel, transports, latest, log } = await connected();
    channel.close();
    expect(latest().state).toBe('closed');
    channel.connect();
    await after(60_000);
    expect(transports).toHaveLength(1);
    expect(log).toEqual([]);
  });

  it('gives up a connection that is being made', async () => {
    const { channel, latest, log } = setUp();
    channel.connect();
    channel.close();
    expect(latest().state).toBe('closed');
    await after(60_000);
    expect(log).toEqual(['connecting: connecting']);
    expect(channel.connected).toBe(false);
  });

  it('ends the back-off, and leaves no timer behind', async () => {
    const { channel, transports, latest } = setUp();
    channel.connect();
    latest().refuse();
    await after(0);
    channel.close();
    expect(jest.getTimerCount()).toBe(0);
    await after(60_000);
    expect(transports).toHaveLength(1);
  });

  it.each(['connecting', 'connected', 'disconnected'])(
    'may come from whoever is told that it is %s',
    async (state) => {
      const { channel, transports, hooks, latest } = setUp();
      hooks.onState = (told) => {
        if (told === state) channel.close();
      };
      channel.connect();
      transports.at(-1)?.accept();
      await after(0);
      transports.at(-1)?.lose();
      await after(60_000);
      expect(transports.length).toBe(state === 'connecting' ? 0 : 1);
      if (state !== 'connecting') expect(latest().state).toBe('closed');
      expect(channel.connected).toBe(false);
      expect(jest.getTimerCount()).toBe(0);
    },
  );
});

it('attaches listeners even while it connects', () => {
  const { channel, latest } = setUp();
  const listener = { event: 'connect', listener: () => undefined };
  channel.on(listener);
  channel.connect();
  channel.on(listener);
  expect(latest().listeners).toEqual([listener]);
});
