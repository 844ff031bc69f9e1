import type { ResolvedServiceOptions } from '../module/options.js';
import { pathTo } from '../module/validation/schema.js';
import type { LatencyWindow } from '../resilience/latency-window.js';

/** Answers from which the median is taken before it is held against an option. */
const ENOUGH_ANSWERS = 100;

/**
 * What options cannot do, which shows only while a service runs: how many nodes there are, how fast they answer, who calls.
 * Each is told once.
 */
export class LiveDoubts {
  private readonly path: string;
  private nodesSeen = false;
  private latencySeen: boolean;
  private retriedBlindly = false;

  /** @param log told what is wrong with which option */
  constructor(
    private readonly options: ResolvedServiceOptions,
    private readonly log: (message: string) => void,
  ) {
    this.path = pathTo('services', options.name);
    this.latencySeen = typeof options.calls.hedge?.delay !== 'number';
  }

  /** Is there still something to look for in latencies? */
  get watchesLatency(): boolean {
    return !this.latencySeen;
  }

  /** The nodes are known, or others than before. A fixed list of nodes was looked at with the options. */
  nodes(count: number): void {
    const { outlierDetection, outlierChecksAsked, targets } = this.options;
    if (this.nodesSeen || count === 0) return;
    this.nodesSeen = true;
    if (outlierDetection === false || targets.every(({ scheme }) => scheme === 'static')) return;
    for (const check of outlierChecksAsked) {
      const settings = outlierDetection[check];
      if (settings === false || count >= settings.minimumNodes) continue;
      this.log(
        `${this.path}.outlierDetection.${check}: takes no node out while there are fewer than ${settings.minimumNodes} nodes to compare, and there are ${count}`,
      );
    }
  }

  /** To be asked about once a second. */
  latency(latencies: LatencyWindow, now: number): void {
    const delay = this.options.calls.hedge?.delay;
    if (this.latencySeen || typeof delay !== 'number' || latencies.count(now) < ENOUGH_ANSWERS) return;
    const median = latencies.percentile(50, now);
    if (median === undefined || delay >= median) return;
    this.latencySeen = true;
    this.log(
      `${this.path}.hedge.delay: ${delay} ms are less than half of all attempts take (the median is ${median} ms), so that most idempotent calls are hedged until the budget is spent; take "p95", or as many milliseconds`,
    );
  }

  /** A call was retried for a request of which nobody can know whether it is a retry itself. */
  blindRetry(): void {
    if (this.retriedBlindly) return;
    this.retriedBlindly = true;
    this.log(
      `${this.path}.retry: calls are retried for messages that came without metadata, as through a stock server of Nest 11: whether they are retries themselves cannot be known, and where their callers retry, too, attempts multiply; serve with BalancedTcpServer, or retry on one side only`,
    );
  }
}
