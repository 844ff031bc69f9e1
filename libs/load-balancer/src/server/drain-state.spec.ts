import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { DrainableServer } from './drain-state.js';
import { drained, drainOnSigterm, forgetSigterm, isDraining, whileDraining } from './drain-state.js';

/** A server whose drain ends when the test says so. */
class FakeServer implements DrainableServer {
  readonly draining = false;
  closes = 0;
  finish!: () => void;
  private readonly finished = new Promise<void>((resolve) => (this.finish = resolve));

  close(): Promise<void> {
    if (this.closes++ === 0)
      void whileDraining(this, () => this.finished).finally(() => {
        forgetSigterm(this);
      });
    return this.finished;
  }
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const ended: FakeServer[] = [];
function server(): FakeServer {
  const made = new FakeServer();
  ended.push(made);
  return made;
}

afterEach(async () => {
  for (const each of ended.splice(0)) {
    each.finish();
    forgetSigterm(each);
  }
  process.removeAllListeners('SIGTERM');
  jest.restoreAllMocks();
  await tick();
});

describe('the drain of a process', () => {
  it('goes on until the last of its servers is done', async () => {
    const [first, second] = [server(), server()];
    expect(isDraining()).toBe(false);
    void first.close();
    void second.close();
    expect(isDraining()).toBe(true);
    let over = false;
    void drained().then(() => (over = true));
    first.finish();
    await tick();
    expect([isDraining(), over]).toEqual([true, false]);
    second.finish();
    await tick();
    expect([isDraining(), over]).toEqual([false, true]);
  });

  it('is over also when one fails', async () => {
    await expect(whileDraining(server(), () => Promise.reject(new Error('as asked for')))).rejects.toThrow();
    expect(isDraining()).toBe(false);
    await drained();
  });
});

describe('SIGTERM', () => {
  it('drains every server that asked for it, and then ends the process when nobody else listens', async () => {
    const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
    const [first, second, other] = [server(), server(), server()];
    drainOnSigterm(first);
    drainOnSigterm(second);
    expect(process.listenerCount('SIGTERM')).toBe(1);
    process.emit('SIGTERM');
    expect([first.closes, second.closes, other.closes]).toEqual([1, 1, 0]);
    first.finish();
    await tick();
    expect(kill).not.toHaveBeenCalled();
    second.finish();
    await tick();
    expect(kill.mock.calls).toEqual([[process.pid, 'SIGTERM']]);
    expect(process.listenerCount('SIGTERM')).toBe(0);
  });

  it.each(['on', 'once'] as const)(
    'leaves the end of the process to whoever else listens (%s)',
    async (method) => {
      const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
      process[method]('SIGTERM', () => undefined);
      const draining = server();
      drainOnSigterm(draining);
      process.emit('SIGTERM');
      draining.finish();
      await tick();
      expect(draining.closes).toBe(1);
      expect(kill).not.toHaveBeenCalled();
    },
  );

  it('is not listened to any more when no server is left', () => {
    const [first, second] = [server(), server()];
    drainOnSigterm(first);
    drainOnSigterm(second);
    forgetSigterm(first);
    expect(process.listenerCount('SIGTERM')).toBe(1);
    forgetSigterm(second);
    expect(process.listenerCount('SIGTERM')).toBe(0);
  });
});
