import type { Logger } from '@nestjs/common';
import type { LoadReport } from '../transport/reply-trailer.js';
import { boundedFigures } from '../transport/reply-trailer.js';
import { LoopMonitor } from './loop-monitor.js';
import type { Workload } from './workload.js';

/** What an operator adds to the load report, by name. */
export type ReportFigures = () => Record<string, number>;

/** Milliseconds between two reports on a connection, and for which what is costly in one is good for others. */
export const REPORT_INTERVAL = 5;

/** Says how loaded the server is. */
export class LoadReporter {
  private readonly loop = new LoopMonitor();
  private last: Omit<LoadReport, 'inFlight'> | undefined = undefined;
  private lastAt = -Infinity;
  private complained = false;

  constructor(
    private readonly workload: Workload,
    private readonly figures: ReportFigures | undefined,
    private readonly logger: Pick<Logger, 'error'>,
  ) {}

  /** The load at `now` (monotonic milliseconds). */
  report(now: number): LoadReport {
    if (this.last === undefined || now - this.lastAt >= REPORT_INTERVAL) {
      this.last = this.measure(now);
      this.lastAt = now;
    }
    return { inFlight: this.workload.inFlight, ...this.last };
  }

  private measure(now: number): Omit<LoadReport, 'inFlight'> {
    return {
      latency: threeDecimals(this.workload.latency(now)),
      rate: threeDecimals(this.workload.rate(now)),
      errorRate: threeDecimals(this.workload.errorRate(now)),
      loopDelay: threeDecimals(this.loop.delay(now)),
      utilization: threeDecimals(this.loop.utilization(now)),
      custom: this.custom(),
    };
  }

  /** The user's figures must not cost anybody an answer. */
  private custom(): LoadReport['custom'] {
    if (!this.figures) return undefined;
    try {
      return boundedFigures(this.figures());
    } catch (error) {
      if (!this.complained) {
        this.complained = true;
        this.logger.error(
          '`report` threw, so its figures are missing from the load report',
          error instanceof Error ? error.stack : String(error),
        );
      }
      return undefined;
    }
  }
}

/** Of milliseconds or of a share; more would be noise, and bytes in every report. */
function threeDecimals(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 1_000) / 1_000;
}
