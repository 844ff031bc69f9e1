import type { LoadBalancerEvent } from '../../telemetry/events.js';
import type { SimulatedCall } from './simulated-call.js';
import type { SimulatedServer } from './simulated-server.js';
import { pathHere } from './validate-simulation.js';
import type { MomentResult, Percentiles, ServerResult, SimulationResult } from './simulation-result.js';

/** Milliseconds of one moment of the result. */
const MOMENT = 1_000;

/** What is kept of one second of calls. */
interface Moment {
  readonly latencies: number[];
  failed: number;
}

/** Takes down what becomes of every call. */
export class Measurements {
  private readonly moments: Moment[] = [];
  private readonly open = new Set<SimulatedCall>();
  private readonly failedBy: Record<string, number> = {};
  private readonly counts = {
    answered: 0,
    failed: 0,
    attempts: 0,
    retries: 0,
    hedges: 0,
    ejections: 0,
    panics: 0,
  };
  /** Latencies after the warm-up, in no order. */
  private readonly latencies: number[] = [];
  /** By their texts without figures, which differ from client to client. */
  private readonly warnings = new Map<string, string>();

  constructor(
    private readonly warmUp: number,
    private readonly now: () => number,
    warnings: readonly string[],
  ) {
    for (const warning of warnings) this.onLog(warning);
  }

  began(call: SimulatedCall): void {
    this.open.add(call);
  }

  /** @param code of the error that it failed with */
  settled(call: SimulatedCall, code?: string): void {
    // A call that settled twice would be a fault of the library, and must not go unnoticed.
    if (!this.open.delete(call)) throw new Error('a call has settled twice');
    const moment = this.record(call);
    if (code !== undefined) moment.failed++;
    if (call.startedAt < this.warmUp) return;
    if (code === undefined) this.counts.answered++;
    else {
      this.counts.failed++;
      this.failedBy[code] = (this.failedBy[code] ?? 0) + 1;
    }
  }

  readonly onEvent = ({ type, ...event }: LoadBalancerEvent): void => {
    if (this.now() < this.warmUp) return;
    const { counts } = this;
    if (type === 'retry') counts.retries++;
    else if (type === 'hedge') counts.hedges++;
    else if (type === 'ejected') counts.ejections++;
    else if (type === 'panic' && 'active' in event && event.active) counts.panics++;
  };

  /** The clients of a group say much the same: the first one's is kept. */
  readonly onLog = (message: string): void => {
    const text = pathHere(message);
    const alike = text.replace(/ \d[\d.]*/g, ' #');
    if (!this.warnings.has(alike)) this.warnings.set(alike, text);
  };

  /** At the end of a simulation of so many milliseconds. */
  result(servers: readonly SimulatedServer[], duration: number): SimulationResult {
    let unfinished = 0;
    for (const call of this.open) {
      this.record(call);
      if (call.startedAt >= this.warmUp) unfinished++;
    }
    const { answered, failed } = this.counts;
    return {
      calls: answered + failed + unfinished,
      unfinished,
      ...this.counts,
      failedBy: this.failedBy,
      latency: { ...percentiles(this.latencies), mean: mean(this.latencies) },
      overTime: this.overTime(duration),
      servers: serverResults(servers, duration - this.warmUp),
      warnings: [...this.warnings.values()],
    };
  }

  private record(call: SimulatedCall): Moment {
    const latency = this.now() - call.startedAt;
    const second = Math.floor(call.startedAt / MOMENT);
    const moment = (this.moments[second] ??= { latencies: [], failed: 0 });
    moment.latencies.push(latency);
    if (call.startedAt >= this.warmUp) {
      this.latencies.push(latency);
      this.counts.attempts += call.attempts;
    }
    return moment;
  }

  private overTime(duration: number): MomentResult[] {
    return Array.from({ length: Math.ceil(duration / MOMENT) }, (_, second) => {
      const { latencies, failed } = this.moments[second] ?? { latencies: [], failed: 0 };
      return { at: second * MOMENT, calls: latencies.length, failed, ...percentiles(latencies) };
    });
  }
}

function serverResults(servers: readonly SimulatedServer[], measured: number): ServerResult[] {
  const total = servers.reduce((sum, { served }) => sum + served, 0);
  return servers.map(({ settings, served, work }) => ({
    name: settings.name,
    zone: settings.zone,
    served,
    share: total === 0 ? 0 : served / total,
    utilization: work / (measured * settings.workers),
  }));
}

/** By nearest rank: each is a latency that there was. */
function percentiles(latencies: readonly number[]): Percentiles {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
