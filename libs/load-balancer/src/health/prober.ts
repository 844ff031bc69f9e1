import type { HealthCheckOptions } from '../module/options.js';
import { SYSTEM_TIME, type TimeSource } from '../time-source.js';
import { DueQueue, type Due } from './due-queue.js';
import { DISCONNECTED, probeTransition, type ProbeEvent, type ProbeState } from './probe-state.js';

/** One node, as the prober sees it. Apart from `probe`, no method may throw. */
export interface ProbeTarget {
  /** Is there a connection to probe? */
  readonly connected: boolean;
  /**
   * Sends a probe and calls `done` when it ends: without an error when anything came back, since any reply proves
   * life. Returns what forgets the probe, harmless when it has ended. May throw instead, and may call `done` before
   * it returns; whatever it calls after the first time is ignored.
   */
  probe(done: (error?: Error) => void): () => void;
  /** Told of every change: never the same verdict twice on one connection. */
  probeVerdict(verdict: 'healthy' | 'unhealthy', reason: string): void;
  /** Told of every probe that failed, before the verdict on it if there is one. */
  probeFailed(): void;
  /** Asked about once an interval while there is no connection: try now rather than wait out a long back-off. */
  reconnect(): void;
}

/** Clock, chance and timers, passed in so that tests run in virtual time. */
export type ProberDeps = Pick<TimeSource, 'now' | 'random' | 'setTimer' | 'afterPendingIo'>;

/**
 * How late a timer may fire before the delay is put down to this process (blocked event loop, starved CPU).
 * Timers of a busy but sound process fire within a few milliseconds; 50 ms is a tenth of the default timeout.
 */
const LAG_TOLERANCE = 50;

/** Milliseconds between probes of a node that is out because of them, unless the interval is shorter. */
const UNHEALTHY_INTERVAL = 1_000;

/** After a pause of the process everything is overdue at once; more than this many nodes in one turn would block it again. */
const NODES_PER_TURN = 64;

interface Entry extends Due {
  readonly target: ProbeTarget;
  state: ProbeState;
  /** While there is one, `due` is when it times out; otherwise when the next one starts. */
  probe: RunningProbe | undefined;
}

interface RunningProbe {
  readonly startedAt: number;
  /** Milliseconds it may take: the timeout, and once in its life the time this process lost. */
  allowed: number;
  forget: () => void;
}

/**
 * Runs the active probes of one service's nodes: each connected node about every `interval`, never two at once on one,
 * never on a caller's path. One timer serves all nodes. Its measurements say alive or not, nothing about latency.
 *
 * A probe that seems to time out because *this* process was blocked is not held against the node: input that
 * is already there is read first, and the time lost is given back once.
 */
export class Prober {
  private readonly deps: ProberDeps;
  private readonly entries = new Map<ProbeTarget, Entry>();
  private readonly queue = new DueQueue<Entry>();
  private alarm: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(
    private readonly options: Readonly<Required<HealthCheckOptions>>,
    deps: Partial<ProberDeps> = {},
  ) {
    this.deps = { ...SYSTEM_TIME, ...deps };
  }

  /** Watches a node. Its first turn comes at random within the interval, so that many nodes are spread evenly over it. */
  add(target: ProbeTarget): void {
    if (this.entries.has(target)) return;
    const entry: Entry = { target, state: DISCONNECTED, probe: undefined, due: 0, slot: -1 };
    this.entries.set(target, entry);
    this.schedule(entry, this.deps.now() + this.deps.random() * this.options.interval);
  }

  /** Stops watching a node; a probe under way is forgotten. */
  remove(target: ProbeTarget): void {
    const entry = this.entries.get(target);
    if (!entry) return;
    this.entries.delete(target);
    this.queue.remove(entry);
    this.forgetProbe(entry);
  }

  /** A connection was made: it is probed at once, and the first answer admits the node. */
  connected(target: ProbeTarget): void {
    const entry = this.entries.get(target);
    if (!entry) return;
    this.forgetProbe(entry);
    this.apply(entry, { type: 'connected' });
    this.schedule(entry, this.deps.now());
  }

  /** The connection was lost: there is nothing to probe until the next one. */
  disconnected(target: ProbeTarget): void {
    const entry = this.entries.get(target);
    if (!entry) return;
    this.forgetProbe(entry);
    this.apply(entry, { type: 'disconnected' });
    this.schedule(entry, this.nextTurn(entry, this.deps.now()));
  }

  /** There is reason to doubt that it is alive: it is probed now, unless a probe is under way. */
  check(target: ProbeTarget): void {
    const entry = this.entries.get(target);
    if (entry && !entry.probe && target.connected) this.schedule(entry, this.deps.now());
  }

  /** Stops watching every node. Nodes may be added again afterwards. */
  close(): void {
    for (const target of [...this.entries.keys()]) this.remove(target);
    this.alarm?.cancel();
    this.alarm = undefined;
  }

  private wake(): void {
    const now = this.deps.now();
    try {
      for (let turns = 0; turns < NODES_PER_TURN; turns++) {
        const entry = this.queue.peek();
        if (!entry || entry.due > now) break;
        if (entry.probe) this.overdue(entry, entry.probe, now);
        else this.takeTurn(entry, now);
      }
    } finally {
      // Not earlier: while the alarm that rang stands, nothing sets another in the middle of the turn.
      this.alarm = undefined;
      this.setAlarm();
    }
  }

  /** The node's turn: a probe, or a nudge to connect. What comes next is always queued before the node's code runs. */
  private takeTurn(entry: Entry, now: number): void {
    const { target } = entry;
    if (!target.connected) {
      this.apply(entry, { type: 'disconnected' });
      this.schedule(entry, this.nextTurn(entry, now));
      target.reconnect();
      return;
    }
    if (entry.state.kind === 'disconnected') this.apply(entry, { type: 'connected' });
    this.startProbe(entry, now);
  }

  private startProbe(entry: Entry, now: number): void {
    const probe: RunningProbe = { startedAt: now, allowed: this.options.timeout, forget: () => undefined };
    entry.probe = probe;
    this.schedule(entry, now + probe.allowed);
    const done = (error?: Error): void =>
      this.finish(entry, probe, error ? { type: 'failed', reason: error.message } : { type: 'succeeded' });
    try {
      probe.forget = entry.target.probe(done);
      // It may be over already: answered, or given up by a call into the prober from within `probe()`.
      if (entry.probe !== probe) probe.forget();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private overdue(entry: Entry, probe: RunningProbe, now: number): void {
    const lag = now - entry.due;
    const { timeout } = this.options;
    if (lag > LAG_TOLERANCE && probe.allowed === timeout) {
      // The answer may be waiting unread, or the probe itself may have left late. Beyond another full timeout
      // (the process was stopped for a minute, say) the node has no claim.
      probe.allowed += Math.min(lag, timeout);
      this.schedule(entry, now + probe.allowed - timeout);
      return;
    }
    this.queue.remove(entry);
    this.deps.afterPendingIo(() => {
      if (entry.probe !== probe) return;
      this.finish(entry, probe, {
        type: 'failed',
        reason: `no answer within ${Math.round(probe.allowed)} ms`,
      });
      probe.forget();
    });
  }

  private finish(entry: Entry, probe: RunningProbe, event: ProbeEvent): void {
    if (entry.probe !== probe) return;
    entry.probe = undefined;
    const before = entry.state;
    this.apply(entry, event);
    this.schedule(entry, this.nextTurn(entry, probe.startedAt));
    const { kind } = entry.state;
    if (event.type === 'failed') entry.target.probeFailed();
    if ((kind === 'healthy' || kind === 'unhealthy') && kind !== before.kind) {
      entry.target.probeVerdict(kind, entry.state.reason);
    }
  }

  private apply(entry: Entry, event: ProbeEvent): void {
    entry.state = probeTransition(entry.state, event, this.options);
  }

  private nextTurn(entry: Entry, from: number): number {
    const { interval, timeout, jitter } = this.options;
    const { state } = entry;
    // Come to a verdict soon: calls may be waiting for a node that has just been connected, or be sent to one that hangs.
    const undecided = (state.kind === 'pending' || state.kind === 'healthy') && state.failures > 0;
    // One that paused for a moment is to be back a moment later.
    const period = undecided
      ? Math.min(interval, timeout)
      : state.kind === 'unhealthy'
        ? Math.min(interval, UNHEALTHY_INTERVAL)
        : interval;
    return from + Math.max(1, period * (1 + jitter * (2 * this.deps.random() - 1)));
  }

  private forgetProbe(entry: Entry): void {
    const { probe } = entry;
    entry.probe = undefined;
    probe?.forget();
  }

  private schedule(entry: Entry, due: number): void {
    this.queue.schedule(entry, due);
    this.setAlarm();
  }

  /** Sets the one timer to the earliest turn. One that fires too early is harmless, so it is only ever moved forward. */
  private setAlarm(): void {
    const first = this.queue.peek();
    if (!first || (this.alarm && this.alarm.at <= first.due)) return;
    this.alarm?.cancel();
    const delay = Math.max(0, Math.ceil(first.due - this.deps.now()));
    this.alarm = { at: first.due, cancel: this.deps.setTimer(() => this.wake(), delay) };
  }
}
