import { refusalError, DRAINING, EXPIRED, type RequestRefusal } from '../../server/refusals.js';
import { REPORT_INTERVAL } from '../../server/load-reporter.js';
import type { ServerLimitsOptions } from '../../server/balanced-tcp-server-options.js';
import { createLimits } from '../../server/server-limits.js';
import { Workload } from '../../server/workload.js';
import type { LoadSignal } from '../../resilience/concurrency-limit.js';
import { CANCEL, probeAnswer, TRAILER } from '../../transport/probe-protocol.js';
import type { LoadReport, ReplyTrailer } from '../../transport/reply-trailer.js';
import type { Random } from './chance.js';
import type { SimulatedRequest } from './simulated-request.js';
import type { SimulatedTransport } from './simulated-transport.js';
import type { VirtualTime } from './virtual-time.js';

export interface SimulatedServerSettings {
  readonly name: string;
  readonly zone: string | undefined;
  /** Mean service time in milliseconds. */
  readonly serviceTime: number;
  /** Requests that it works on at once; the others wait in line. */
  readonly workers: number;
  /** A plain Nest provider: tells no load, refuses nothing, knows neither deadlines nor cancellation. */
  readonly stock: boolean;
  readonly limits: Pick<ServerLimitsOptions, 'maxInFlight' | 'adaptive'> | undefined;
}

/** What a stock server answers to the pattern of the probes. */
const NO_HANDLER = 'There is no matching message handler defined in the remote service.';
const FEATURES: readonly string[] = ['context', CANCEL, 'drain', TRAILER];
/** Simulated calls are all equally important. */
const PRIORITY = 0;
const RESPONSE = Object.freeze({ ok: true });
/** Milliseconds between two looks at what a draining server has left, as in `Drain`. */
const DRAIN_STEP = 10;
/** Milliseconds for which clients that were told of the drain may end the connection themselves, as in `Drain`. */
const NOTICE_GRACE = 1_000;
/** Milliseconds of silence after which the connection of a client that cannot be told is closed, as in `Drain`. */
const UNTOLD_IDLE = 100;
/** Milliseconds after which a drain gives up: the default of `drainTimeout`. */
const DRAIN_TIMEOUT = 10_000;

/**
 * A server with some workers and a line before them. What it is made of is simulated; how it counts its load, what it
 * reports of it and what it refuses is the code of `BalancedTcpServer`.
 */
export class SimulatedServer {
  /** Requests answered by a handler since the measurement began. */
  served = 0;
  /** What its mean service time is multiplied with. */
  slowness = 1;

  private workload: Workload;
  private readonly line: SimulatedRequest[] = [];
  private lineStart = 0;
  private readonly serving = new Set<SimulatedRequest>();
  /** What has arrived while it did nothing. */
  private unread: SimulatedRequest[] = [];
  private readonly connections = new Set<SimulatedTransport>();
  private state: 'up' | 'draining' | 'down' = 'up';
  private life = 1;
  private stalledUntil = -Infinity;
  private cutOffUntil = -Infinity;
  /** Several things may keep it away: it is back when the last of them is over. */
  private awayUntil = -Infinity;
  /** Worker-milliseconds of work since the measurement began. */
  private workDone = 0;
  private workCountedAt = 0;

  constructor(
    readonly settings: SimulatedServerSettings,
    private readonly time: VirtualTime,
    private readonly random: Random,
  ) {
    this.workload = this.newWorkload();
  }

  /** Does it take connections? The operating system does so for a process that hangs, too. */
  get listening(): boolean {
    return this.state === 'up';
  }

  /** Milliseconds that a message takes on a way of `latency`: what is sent while it is cut off comes when that is over. */
  passage(latency: number): number {
    return Math.max(0, this.cutOffUntil - this.time.now()) + latency;
  }

  /** A client is connected. Returns by what this life of the server is known. */
  connected(transport: SimulatedTransport): number {
    this.connections.add(transport);
    transport.serverSide.activeAt = this.time.now();
    return this.life;
  }

  /** A client has closed its connection. */
  disconnected(transport: SimulatedTransport): void {
    this.connections.delete(transport);
  }

  arrived(request: SimulatedRequest): void {
    if (request.life !== this.life || !request.transport.open) return;
    if (this.stalled) this.unread.push(request);
    else this.read(request);
  }

  /** A worker should be done with the request. */
  worked(request: SimulatedRequest): void {
    if (request.life !== this.life) return;
    const now = this.time.now();
    if (request.doneAt > now) {
      this.time.after(request.doneAt - now, request);
      return;
    }
    this.countWork();
    this.serving.delete(request);
    this.served++;
    this.end(request, 'answered');
    this.reply(request, RESPONSE);
    this.serveNext();
  }

  /** It does nothing for so long: neither what it has nor what comes, probes included. */
  stall(duration: number): void {
    if (this.state === 'down') return;
    const now = this.time.now();
    const until = Math.max(this.stalledUntil, now + duration);
    const more = until - Math.max(this.stalledUntil, now);
    this.countWork();
    this.stalledUntil = until;
    for (const request of this.serving) request.doneAt += more;
    this.time.afterwards(duration, () => this.wake());
  }

  /** Nothing that is sent to it or by it arrives for so long; then all of it does, as TCP sends it again. */
  cutOff(duration: number): void {
    this.cutOffUntil = Math.max(this.cutOffUntil, this.time.now() + duration);
  }

  /** The process is gone, and with it all it had: for so long, or for good. */
  crash(duration = Infinity): void {
    this.stop('read ECONNRESET', duration);
  }

  /**
   * Stops it as a deploy does: a server of ours finishes what it has and tells its clients; a stock one just goes. One that
   * has crashed for longer stays away.
   *
   * @param downtime how long it is away
   * @param onStopped called once it is down
   */
  shutDown(downtime: number, onStopped: () => void): void {
    if (this.state !== 'up' || this.settings.stock) {
      this.stop('read ECONNRESET', downtime);
      onStopped();
      return;
    }
    this.state = 'draining';
    const { life } = this;
    const startedAt = this.time.now();
    for (const transport of this.connections)
      if (transport.serverSide.readsTrailers) transport.notice({ draining: true });
    const look = (): void => {
      // A crash in the middle has ended it.
      if (this.life !== life) {
        if (this.state === 'down') this.stayAway(downtime);
        onStopped();
        return;
      }
      const waited = this.time.now() - startedAt;
      this.closeIdle(waited);
      const done = this.connections.size === 0 && this.workload.messages === 0;
      if (done || waited >= DRAIN_TIMEOUT) {
        this.stop('the server closed the connection', downtime);
        onStopped();
      } else this.time.afterwards(DRAIN_STEP, look);
    };
    look();
  }

  /** From now on it is counted what it does. */
  startMeasuring(): void {
    this.countWork();
    this.workDone = 0;
    this.served = 0;
  }

  /** Worker-milliseconds of work since the measurement began. */
  get work(): number {
    this.countWork();
    return this.workDone;
  }

  private get stalled(): boolean {
    return this.time.now() < this.stalledUntil;
  }

  private wake(): void {
    if (this.stalled || this.state === 'down') return;
    const { unread } = this;
    this.unread = [];
    for (const request of unread) this.arrived(request);
    this.serveNext();
  }

  private read(request: SimulatedRequest): void {
    const { serverSide } = request.transport;
    const now = this.time.now();
    if (request.isProbe) {
      this.answerProbe(request);
      return;
    }
    serverSide.activeAt = now;
    const refusal = this.check(request, now);
    if (refusal) {
      this.refuse(request, refusal);
      return;
    }
    serverSide.inFlight++;
    request.readAt = now;
    request.among = this.workload.start(1);
    this.line.push(request);
    this.serveNext();
  }

  /** As `RequestGate` decides. */
  private check({ deadline, transport }: SimulatedRequest, now: number): RequestRefusal | undefined {
    if (this.settings.stock) return undefined;
    if (this.state === 'draining' && transport.serverSide.readsTrailers) return DRAINING;
    if (deadline <= now) return EXPIRED;
    const overload = this.workload.check(PRIORITY, now);
    return overload && { reason: 'overloaded', retryAfter: overload.retryAfter };
  }

  private serveNext(): void {
    if (this.stalled) return;
    const { settings } = this;
    while (this.serving.size < settings.workers) {
      const request = this.nextInLine();
      if (request === undefined) return;
      this.countWork();
      const duration = request.work * settings.serviceTime * this.slowness;
      request.doneAt = this.time.now() + duration;
      request.served();
      this.serving.add(request);
      this.time.after(duration, request);
    }
  }

  /** The first in line that is worth its while. */
  private nextInLine(): SimulatedRequest | undefined {
    for (;;) {
      const request = this.line[this.lineStart];
      if (request === undefined) {
        this.line.length = this.lineStart = 0;
        return undefined;
      }
      this.lineStart++;
      if (this.lineStart > 1_000) {
        this.line.splice(0, this.lineStart);
        this.lineStart = 0;
      }
      if (this.settings.stock) return request;
      if (request.cancelled || !request.transport.open) this.end(request, 'ignored');
      else if (request.deadline <= this.time.now()) {
        this.end(request, 'dropped');
        this.refuse(request, EXPIRED);
      } else return request;
    }
  }

  private end(request: SimulatedRequest, signal: LoadSignal): void {
    const { serverSide } = request.transport;
    const now = this.time.now();
    serverSide.inFlight--;
    serverSide.activeAt = now;
    this.workload.end(
      {
        cost: 1,
        among: request.among,
        failed: false,
        latency: () => now - request.readAt,
        loadSignal: () => signal,
      },
      now,
    );
  }

  private reply(request: SimulatedRequest, response: unknown): void {
    const { transport } = request;
    transport.reply(request, { kind: 'response', response, trailer: this.trailerFor(transport) });
  }

  private refuse(request: SimulatedRequest, refusal: RequestRefusal): void {
    const { transport } = request;
    const trailer = transport.serverSide.readsTrailers && {
      ...this.trailerFor(transport),
      refused: refusal.reason,
      ...(refusal.retryAfter !== undefined && { retryAfter: refusal.retryAfter }),
    };
    transport.reply(request, {
      kind: 'error',
      error: refusalError(refusal),
      trailer: trailer || undefined,
    });
  }

  private answerProbe(request: SimulatedRequest): void {
    const { transport } = request;
    if (this.settings.stock) {
      transport.reply(request, { kind: 'error', error: NO_HANDLER });
      return;
    }
    const { serverSide } = transport;
    serverSide.readsTrailers = true;
    serverSide.reportedAt = this.time.now();
    const draining = this.state === 'draining' && { draining: true as const };
    transport.reply(request, {
      kind: 'response',
      response: probeAnswer(undefined, FEATURES, { ...draining, load: this.report() }),
    });
  }

  /** As `Trailers` decides. */
  private trailerFor({ serverSide }: SimulatedTransport): ReplyTrailer | undefined {
    const now = this.time.now();
    const due = serverSide.readsTrailers && now - serverSide.reportedAt >= REPORT_INTERVAL;
    const draining = serverSide.readsTrailers && this.state === 'draining';
    if (!due && !draining) return undefined;
    if (due) serverSide.reportedAt = now;
    return { ...(due && { load: this.report() }), ...(draining && { draining }) };
  }

  private report(): LoadReport {
    const { workload, settings } = this;
    const now = this.time.now();
    const rate = workload.rate(now);
    const busy = (rate * settings.serviceTime * this.slowness) / 1_000 / settings.workers;
    return {
      inFlight: workload.inFlight,
      latency: workload.latency(now),
      rate,
      errorRate: workload.errorRate(now),
      utilization: Math.min(1, busy),
    };
  }

  private newWorkload(): Workload {
    return new Workload(createLimits(this.settings.limits, this.random));
  }

  private closeIdle(waited: number): void {
    const now = this.time.now();
    for (const transport of this.connections) {
      const { readsTrailers, activeAt, inFlight } = transport.serverSide;
      const idle = readsTrailers ? waited >= NOTICE_GRACE : now - activeAt >= UNTOLD_IDLE;
      if (!idle || inFlight > 0) continue;
      this.connections.delete(transport);
      transport.severed(new Error('the server closed the connection'));
    }
  }

  /** What it had is gone; whoever is connected hears of it. */
  private stop(reason: string, duration: number): void {
    this.countWork();
    this.state = 'down';
    this.life++;
    this.stalledUntil = -Infinity;
    this.serving.clear();
    this.unread = [];
    this.line.length = this.lineStart = 0;
    this.workload = this.newWorkload();
    const connections = [...this.connections];
    this.connections.clear();
    for (const transport of connections) transport.severed(new Error(reason));
    this.stayAway(duration);
  }

  private stayAway(duration: number): void {
    this.awayUntil = Math.max(this.awayUntil, this.time.now() + duration);
    if (duration === Infinity) return;
    this.time.afterwards(duration, () => {
      if (this.state === 'down' && this.time.now() >= this.awayUntil) this.state = 'up';
    });
  }

  private countWork(): void {
    const now = this.time.now();
    // What came before a stall was counted when that began.
    const from = Math.max(this.workCountedAt, this.stalledUntil);
    if (now > from) this.workDone += this.serving.size * (now - from);
    this.workCountedAt = now;
  }
}
