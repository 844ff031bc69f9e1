import type { OptionPath, ResolvedServiceOptions } from '../module/options.js';
import { pathOf } from '../module/validation/doubts.js';
import { pathTo } from '../module/validation/schema.js';
import type { LateCalls } from '../resilience/delay-watch.js';

/**
 * What options cannot do, which shows only while a service runs: how many nodes there are, how fast they answer, who calls.
 * Of each option it is told once.
 */
export class LiveDoubts {
  private readonly path: string;
  private readonly told = new Set<string>();
  private nodesSeen = false;

  /** @param log told what is wrong with which option */
  constructor(
    private readonly options: ResolvedServiceOptions,
    private readonly log: (message: string) => void,
  ) {
    this.path = pathTo('services', options.name);
  }

  /** The nodes are known, or others than before. A fixed list of nodes was looked at with the options. */
  nodes(count: number): void {
    const { outlierChecksAsked, targets } = this.options;
    if (this.nodesSeen || count === 0) return;
    this.nodesSeen = true;
    if (targets.every(({ scheme }) => scheme === 'static')) return;
    for (const { option, minimumNodes } of outlierChecksAsked) {
      if (count >= minimumNodes) continue;
      this.tell(
        this.at(option),
        `takes no node out while there are fewer than ${minimumNodes} nodes to compare, and there are ${count}`,
      );
    }
  }

  /** @param path of the delay, in milliseconds, that most calls outlast */
  earlyHedge(path: string, delay: number, { late, of }: LateCalls): void {
    this.tell(
      path,
      `${delay} ms are below the median: ${late} of the last ${of} idempotent calls were not answered by then, so that most are hedged until the budget is spent; expected "p95", or as many milliseconds`,
    );
  }

  /** A call with a hash key was given to a strategy that does not go by it. */
  idleHashKey(path: string, strategy: string): void {
    this.tell(
      path,
      `counts for nothing, since the strategy of the call (${strategy}) does not go by it; expected "ring-hash" or "maglev"`,
    );
  }

  /**
   * A call was repeated for a request of which nobody can know whether it is a repetition itself.
   *
   * @param attempts that it may take
   */
  blindRetry(attempts: number): void {
    this.tell(
      this.at(['retry']),
      `calls are retried or hedged for messages that came without metadata, as through a stock server of Nest 11: whether they are retries themselves cannot be known, and where their callers retry, too, attempts multiply with the depth of calls (${attempts} become ${attempts ** 2} over two levels); expected BalancedTcpServer there, or retries on one level only`,
    );
  }

  private at(option: OptionPath): string {
    return pathOf(this.path, option);
  }

  private tell(path: string, problem: string): void {
    if (this.told.has(path)) return;
    this.told.add(path);
    this.log(`${path}: ${problem}`);
  }
}
