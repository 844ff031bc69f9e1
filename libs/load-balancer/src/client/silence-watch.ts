import type { TimeSource } from '../time-source.js';
import type { UpstreamNode } from './upstream-node.js';

/** Milliseconds between two looks. A node is suspect after one to two of them. */
const PERIOD = 250;
/** Milliseconds between two suspicions of one node: a slow handler is no reason to probe its node all the time. */
const REPOSE = 1_000;

/** What was seen of a node at the last look, while it owed answers. */
interface Seen {
  answers: number;
  suspectedAt: number;
}

/**
 * Looks out for nodes that owe answers and give none, so that a hung process is found within a second or two of its first
 * unanswered call rather than at its next regular probe. It accuses nobody: a probe decides.
 *
 * It looks only while calls are in flight, at every node once a quarter of a second.
 */
export class SilenceWatch {
  private cancelTimer: (() => void) | undefined;
  private readonly seen = new WeakMap<UpstreamNode, Seen>();

  constructor(
    private readonly nodes: () => Iterable<UpstreamNode>,
    private readonly suspect: (node: UpstreamNode) => void,
    private readonly time: Pick<TimeSource, 'now' | 'every'>,
  ) {}

  /** Calls are in flight: to be called with each, cheap when it is already looking. */
  start(): void {
    this.cancelTimer ??= this.time.every(() => this.look(), PERIOD);
  }

  stop(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  private look(): void {
    let owed = false;
    for (const node of this.nodes()) {
      if (node.inFlight === 0) {
        // What it is asked later is not overdue at once.
        this.seen.delete(node);
        continue;
      }
      owed = true;
      const last = this.seen.get(node);
      if (last === undefined) this.seen.set(node, { answers: node.answers, suspectedAt: -Infinity });
      else if (last.answers !== node.answers) last.answers = node.answers;
      else if (this.time.now() - last.suspectedAt >= REPOSE) {
        last.suspectedAt = this.time.now();
        this.suspect(node);
      }
    }
    if (!owed) this.stop();
  }
}
