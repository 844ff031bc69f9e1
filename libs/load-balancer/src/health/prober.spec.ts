import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { Prober, type ProberDeps, type ProbeTarget } from './prober.js';

const OPTIONS = { interval: 5_000, timeout: 500, healthyThreshold: 1, unhealthyThreshold: 2, jitter: 0 };

/** Timers in virtual time. `block()` passes time without running any, as a busy event loop does. */
class VirtualLoop {
  time = 0;
  timers: { at: number; callback: () => void }[] = [];
  /** Input that has arrived while the loop was blocked: handled before immediates. */
  pendingIo: (() => void)[] = [];
  immediates: (() => void)[] = [];

  readonly deps: Omit<ProberDeps, 'random'> = {
    now: () => this.time,
    setTimer: (callback, delay) => {
      // At least a millisecond, as in Node.
      const timer = { at: this.time + Math.max(1, delay), callback };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((other) => other !== timer));
    },
    afterPendingIo: (callback) => void this.immediates.push(callback),
  };

  block(ms: number): void {
    this.time += ms;
  }

  run(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.reduce<number>((first, timer) => Math.min(first, timer.at), Infinity);
      if (next > end) break;
      this.time = Math.max(this.time, next);
      this.turn();
    }
    this.time = Math.max(this.time, end);
    this.turn();
  }

  private turn(): void {
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.callback();
    for (const io of this.pendingIo.splice(0)) io();
    for (const immediate of this.immediates.splice(0)) immediate();
  }
}

/** A node in virtual time: answers after `latency`, or never when that is `undefined`. */
class FakeNode implements ProbeTarget {
  connected = true;
  latency: number | undefined = 1;
  fault: Error | undefined;
  probes: number[] = [];
  running = 0;
  mostRunning = 0;
  verdicts: string[] = [];
  reconnects: number[] = [];

  constructor(private readonly loop: VirtualLoop) {}

  probe(done: (error?: Error) => void): () => void {
    this.probes.push(this.loop.time);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    let over = false;
    const end = (): boolean => {
      if (over) return false;
      over = true;
      this.running--;
      return true;
    };
    if (this.latency !== undefined) {
      this.loop.deps.setTimer(() => end() && done(this.fault), this.latency);
    }
    return () => void end();
  }

  probeVerdict(verdict: string, reason: string): void {
    this.verdicts.push(`${verdict}: ${reason}`);
  }

  failures = 0;

  probeFailed(): void {
    this.failures++;
  }

  reconnect(): void {
    this.reconnects.push(this.loop.time);
  }
}

function setUp(options: Partial<typeof OPTIONS> = {}, random = () => 0.5) {
  const loop = new VirtualLoop();
  const prober = new Prober({ ...OPTIONS, ...options }, { ...loop.deps, random });
  const node = new FakeNode(loop);
  return { loop, prober, node };
}

describe('Prober: when it probes', () => {
  it('probes a node once an interval, the first time at random within it', () => {
    const { loop, prober, node } = setUp({}, () => 0.25);
    prober.add(node);
    loop.run(20_000);
    expect(node.probes).toEqual([1_250, 6_250, 11_250, 16_250]);
  });

  it('moves each probe by up to the jitter share of the interval, both ways', () => {
    const draws = [0, 0, 1 - Number.EPSILON, 0.5];
    const { loop, prober, node } = setUp({ jitter: 0.2 }, () => draws.shift() ?? 0.5);
    prober.add(node);
    loop.run(16_000);
    expect(node.probes).toEqual([1, 4_001, 10_001, 15_001]);
  });

  it('spreads the probes of 10 000 nodes evenly over the interval, with one timer', () => {
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const { loop, prober } = setUp({ jitter: 0.2 }, random);
    const nodes = Array.from({ length: 10_000 }, () => new FakeNode(loop));
    for (const node of nodes) {
      node.latency = undefined;
      node.probe = (done) => {
        node.probes.push(loop.time);
        done();
        return () => undefined;
      };
      prober.add(node);
      expect(loop.timers.length).toBe(1);
    }
    loop.run(5_000);
    const perSecond = [0, 0, 0, 0, 0];
    for (const node of nodes) perSecond[Math.min(4, Math.floor(node.probes[0]! / 1_000))]!++;
    for (const count of perSecond) {
      expect(count).toBeGreaterThan(1_800);
      expect(count).toBeLessThan(2_200);
    }
  });

  it('never has two probes under way on one node, even when the timeout is longer than the interval', () => {
    const { loop, prober, node } = setUp({ interval: 100, timeout: 350 });
    node.latency = undefined;
    prober.add(node);
    loop.run(5_000);
    expect(node.probes.length).toBeGreaterThan(10);
    expect(node.mostRunning).toBe(1);
  });

  it('survives jitter that makes two turns coincide', () => {
    const { loop, prober, node } = setUp({ interval: 10, jitter: 1 }, () => 0);
    node.probe = (done) => {
      node.probes.push(loop.time);
      done();
      return () => undefined;
    };
    prober.add(node);
    loop.run(20);
    expect(node.probes.length).toBeGreaterThan(5);
    expect(node.probes.length).toBeLessThanOrEqual(21);
  });

  it('does not probe a node without a connection, but asks it to connect once an interval', () => {
    const { loop, prober, node } = setUp();
    node.connected = false;
    prober.add(node);
    loop.run(13_000);
    expect(node.probes).toEqual([]);
    expect(node.reconnects).toEqual([2_500, 7_500, 12_500]);
  });

  it('stops with a node that is removed, and with all of them when closed', () => {
    const { loop, prober, node } = setUp();
    const other = new FakeNode(loop);
    node.latency = undefined;
    prober.add(node);
    prober.add(other);
    loop.run(2_600);
    expect(node.running).toBe(1);
    prober.remove(node);
    expect(node.running).toBe(0);
    loop.run(10_000);
    expect(node.probes.length).toBe(1);
    expect(other.probes.length).toBe(3);
    prober.close();
    loop.run(10_000);
    expect(other.probes.length).toBe(3);
    expect(loop.timers).toEqual([]);
    expect(node.verdicts).toEqual([]);
  });

  it('shares its turns: after a long pause not every node is probed in the same one', () => {
    const { loop, prober } = setUp();
    const nodes = Array.from({ length: 1_000 }, () => new FakeNode(loop));
    for (const node of nodes) prober.add(node);
    loop.block(60_000);
    loop.run(0);
    const atOnce = nodes.filter((node) => node.probes.length > 0).length;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThan(500);
    loop.run(100);
    expect(nodes.every((node) => node.probes.length > 0)).toBe(true);
  });
});

describe('Prober: with a reason to doubt', () => {
  it('probes at once, then goes on as ever', () => {
    const { loop, prober, node } = setUp();
    prober.add(node);
    loop.run(3_000);
    expect(node.probes).toEqual([2_500]);
    prober.check(node);
    loop.run(1);
    expect(node.probes).toEqual([2_500, 3_001]);
    loop.run(5_000);
    expect(node.probes).toEqual([2_500, 3_001, 8_001]);
  });

  it('finds a hung node out within two timeouts', () => {
    const { loop, prober, node } = setUp();
    prober.add(node);
    loop.run(3_000);
    node.latency = undefined;
    prober.check(node);
    loop.run(1_010);
    expect(node.verdicts.at(-1)).toBe('unhealthy: 2 probes in a row failed: no answer within 500 ms');
  });

  it('leaves a probe alone that is under way', () => {
    const { loop, prober, node } = setUp();
    node.latency = 400;
    prober.add(node);
    loop.run(2_600);
    for (let i = 0; i < 3; i++) prober.check(node);
    loop.run(300);
    expect(node.probes).toEqual([2_500]);
    expect(node.verdicts).toEqual(['healthy: answered a probe after connecting']);
  });

  it('has nothing to probe without a connection, or of a node it does not watch', () => {
    const { loop, prober, node } = setUp();
    const unknown = new FakeNode(loop);
    node.connected = false;
    prober.add(node);
    prober.check(node);
    prober.check(unknown);
    loop.run(2_000);
    expect([...node.probes, ...node.reconnects, ...unknown.probes]).toEqual([]);
  });
});

describe('Prober: a node that is out', () => {
  it.each([
    [5_000, 1_000],
    [600, 600],
  ])('is probed more often than every %d ms: every %d ms, until it is back', (interval, period) => {
    const { loop, prober, node } = setUp({ interval, timeout: 500 });
    node.latency = undefined;
    prober.add(node);
    loop.run(3 * interval);
    expect(node.verdicts.at(-1)).toMatch(/^unhealthy/);
    node.probes.length = 0;
    loop.run(5 * period);
    expect(node.probes).toHaveLength(5);
    expect(new Set(node.probes.slice(1).map((at, i) => at - node.probes[i]!))).toEqual(new Set([period]));
    node.latency = 1;
    loop.run(2 * period);
    expect(node.verdicts.at(-1)).toMatch(/^healthy/);
    node.probes.length = 0;
    loop.run(interval);
    expect(node.probes).toHaveLength(1);
  });

  it('has its second chance a timeout after the first failure, not an interval', () => {
    const { loop, prober, node } = setUp();
    prober.add(node);
    loop.run(2_600);
    node.latency = undefined;
    loop.run(5_000);
    expect(node.probes).toEqual([2_500, 7_500]);
    loop.run(501);
    expect(node.probes).toEqual([2_500, 7_500, 8_001]);
  });
});

describe('Prober: what it concludes', () => {
  it('admits a node with the first answer after a connection, without waiting for an interval', () => {
    const { loop, prober, node } = setUp({ healthyThreshold: 3 });
    node.connected = false;
    prober.add(node);
    loop.run(100);
    node.connected = true;
    prober.connected(node);
    loop.run(3);
    expect(node.probes).toEqual([101]);
    expect(node.verdicts).toEqual(['healthy: answered a probe after connecting']);
  });

  it('takes a silent node out after the threshold, and brings it back when it answers', () => {
    const { loop, prober, node } = setUp();
    prober.add(node);
    loop.run(2_600);
    node.latency = undefined;
    loop.run(5_500);
    expect(node.verdicts.slice(1)).toEqual([]);
    loop.run(5_000);
    expect(node.verdicts.slice(1)).toEqual(['unhealthy: 2 probes in a row failed: no answer within 500 ms']);
    node.latency = 10;
    loop.run(5_000);
    expect(node.verdicts.slice(2)).toEqual(['healthy: a probe answered']);
    expect(node.running).toBe(0);
  });

  it('decides on a node that is silent from the start within about two timeouts, since calls may wait for it', () => {
    const { loop, prober, node } = setUp();
    node.latency = undefined;
    prober.add(node);
    prober.connected(node);
    loop.run(1_100);
    expect(node.verdicts).toEqual(['unhealthy: 2 probes in a row failed: no answer within 500 ms']);
  });

  it('ignores the answer of a probe that belongs to an earlier connection', () => {
    const { loop, prober, node } = setUp();
    const answers: ((error?: Error) => void)[] = [];
    node.probe = (done) => {
      answers.push(done);
      return () => undefined;
    };
    prober.add(node);
    prober.connected(node);
    loop.run(1);
    prober.disconnected(node);
    prober.connected(node);
    loop.run(1);
    answers[0]!();
    expect(node.verdicts).toEqual([]);
    answers[1]!();
    answers[1]!(new Error('twice'));
    expect(node.verdicts).toEqual(['healthy: answered a probe after connecting']);
  });

  it('counts an error of the probe, reported or thrown, as a failure with its message', () => {
    const { loop, prober, node } = setUp({ unhealthyThreshold: 1 });
    node.fault = new Error('write EPIPE');
    const thrower = new FakeNode(loop);
    thrower.probe = () => {
      throw new Error('cannot serialize');
    };
    for (const target of [node, thrower]) {
      prober.add(target);
      prober.connected(target);
    }
    loop.run(10);
    expect(node.verdicts).toEqual(['unhealthy: a probe failed: write EPIPE']);
    expect(thrower.verdicts).toEqual(['unhealthy: a probe failed: cannot serialize']);
  });

  it('lets a node be removed, and connections come and go, from within its own callbacks', () => {
    const { loop, prober, node } = setUp();
    node.probeVerdict = (verdict) => {
      node.verdicts.push(verdict);
      prober.remove(node);
    };
    const other = new FakeNode(loop);
    other.connected = false;
    other.reconnect = () => {
      other.connected = true;
      prober.connected(other);
    };
    prober.add(node);
    prober.add(other);
    loop.run(20_000);
    expect(node.probes.length).toBe(1);
    expect(other.verdicts).toEqual(['healthy: answered a probe after connecting']);
  });

  it('never calls a node that answers in time unhealthy, whatever its latency and the jitter', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 499 }), { minLength: 1 }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }),
        (latencies, draws) => {
          let draw = 0;
          const { loop, prober, node } = setUp({ interval: 300, jitter: 1, unhealthyThreshold: 1 }, () => {
            return draws[draw++ % draws.length]!;
          });
          prober.add(node);
          for (const latency of latencies) {
            node.latency = latency;
            loop.run(700);
          }
          loop.run(1_000);
          expect(node.verdicts).toEqual(['healthy: answered a probe after connecting']);
          expect(node.mostRunning).toBe(1);
        },
      ),
    );
  });
});

describe('Prober: when this process itself is late', () => {
  /** A node under probe whose answer arrives when the test says so. */
  function underProbe() {
    const { loop, prober, node } = setUp({ unhealthyThreshold: 1 });
    let answer: (error?: Error) => void = () => undefined;
    node.probe = (done) => {
      answer = done;
      return () => undefined;
    };
    prober.add(node);
    prober.connected(node);
    loop.run(1);
    return { loop, node, answer: () => answer() };
  }

  it('reads an answer that is already there before it counts a timeout', () => {
    const { loop, node, answer } = underProbe();
    loop.block(520);
    loop.pendingIo.push(answer);
    loop.run(0);
    expect(node.verdicts).toEqual(['healthy: answered a probe after connecting']);
  });

  it('gives a probe the time back that the event loop was blocked', () => {
    const { loop, node, answer } = underProbe();
    loop.block(500 + 300);
    loop.run(250);
    expect(node.verdicts).toEqual([]);
    answer();
    expect(node.verdicts).toEqual(['healthy: answered a probe after connecting']);
  });

  it('gives it back once, and then names how long it waited', () => {
    const { loop, node } = underProbe();
    loop.block(500 + 300);
    loop.run(0);
    loop.block(400);
    loop.run(0);
    expect(node.verdicts).toEqual(['unhealthy: a probe failed: no answer within 800 ms']);
  });

  it('gives back a second timeout at most, however long the process was stopped', () => {
    const { loop, node } = underProbe();
    loop.block(60_000);
    loop.run(499);
    expect(node.verdicts).toEqual([]);
    loop.run(2);
    expect(node.verdicts).toEqual(['unhealthy: a probe failed: no answer within 1000 ms']);
  });
});

describe('Prober with real timers and sockets', () => {
  const stops: (() => unknown)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  /** A server in another thread, which goes on while this one is blocked. */
  async function serve(behaviour: 'answers' | 'silent'): Promise<Socket> {
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const server = require('node:net').createServer((socket) => socket.on('data', () => workerData === 'answers' && socket.write('!')));
       server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true, workerData: behaviour },
    );
    stops.push(() => worker.terminate());
    const [port] = (await once(worker, 'message')) as [number];
    const socket = connect(port, '127.0.0.1');
    stops.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  async function verdictWhileBlocked(socket: Socket): Promise<string> {
    const prober = new Prober({ ...OPTIONS, timeout: 100, unhealthyThreshold: 1 });
    stops.push(() => prober.close());
    return new Promise((resolve) => {
      const target: ProbeTarget = {
        connected: true,
        probe: (done) => {
          socket.once('data', () => done());
          socket.write('?');
          // The probe is on its way, and then this process does nothing else for longer than the timeout.
          setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400));
          return () => socket.removeAllListeners('data');
        },
        probeVerdict: (verdict, reason) => resolve(`${verdict}: ${reason}`),
        probeFailed: () => undefined,
        reconnect: () => undefined,
      };
      prober.add(target);
      prober.connected(target);
    });
  }

  it('does not blame a server that answered while this process was blocked', async () => {
    expect(await verdictWhileBlocked(await serve('answers'))).toBe(
      'healthy: answered a probe after connecting',
    );
  });

  it('still finds a silent server out', async () => {
    expect(await verdictWhileBlocked(await serve('silent'))).toMatch(
      /^unhealthy: a probe failed: no answer within/,
    );
  });
});
