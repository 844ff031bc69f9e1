import type { LoadReport } from './load-report.js';
import type { StrategyNode } from './strategy.js';

/** Prequal's: enough to choose from, few enough to be fresh. */
const POOL_SIZE = 16;
/**
 * The quantile of requests in flight in the pool above which a node is hot. Prequal takes 0.84 of all servers; a pool that
 * is fed by the nodes in use holds the better part of them, and its median gave the lowest p99 in simulation.
 */
const HOT_QUANTILE = 0.5;
/**
 * Prequal's: one report has nothing to be compared with. When calls come in bursts with pauses, the only fresh one is that
 * of the slowest node, whose answers are the last to come, and it would get all of the next burst. Evictions leave as
 * many: with few nodes the reports that come are mostly of nodes that are in the pool already.
 */
const FEWEST = 2;
/** Prequal's: reports are of no use when they are older, in milliseconds. */
const REPORT_LIFETIME = 1_000;

/** Weight of a new report in the average of all. */
const TYPICAL_WEIGHT = 0.1;

interface Entry<N> {
  node: N;
  /** Requests in flight on the server when it reported, those of this client among them. */
  reported: number;
  /** How many of them were of other clients. */
  others: number;
  /** What a request was expected to take then, in milliseconds. */
  latency: number;
  at: number;
  /** Requests that are in flight there now, by what is known: those of others, and this client's own. */
  inFlight: number;
}

/**
 * The last load reports of a few nodes, at most one a node. A report tells of the moment it was made; what this client has
 * sent there since, and has had answered, it knows itself, also where many answers come with one report. The entries are
 * made once and moved about, so that nothing is allocated.
 */
export class LoadPool<N extends StrategyNode> {
  private readonly entries: Entry<N>[] = [];
  private size = 0;
  private evictWorst = false;
  /** Has anything come in since the last eviction? */
  private refilled = false;

  /** Moving average of what is reported: what a server that has answered nothing yet is expected to take. */
  private typical = 0;

  /** Forgets the nodes that have left. */
  keep(members: ReadonlySet<N>): void {
    const kept = this.entries.slice(0, this.size).filter(({ node }) => members.has(node));
    this.entries.splice(0, this.entries.length, ...kept);
    this.size = kept.length;
  }

  /** Takes in what a node has just told; it replaces what it told before. */
  add(node: N, { inFlight: reported, latency: told }: LoadReport, at: number): void {
    this.refilled = true;
    const latency = told ?? this.typical;
    this.typical += (latency - this.typical) * TYPICAL_WEIGHT;
    const entry = this.entryOf(node, at);
    entry.reported = reported;
    entry.others = Math.max(0, reported - node.inFlight);
    entry.latency = latency;
    entry.at = at;
  }

  /**
   * Prequal's choice, *hot-cold lexicographic*: of the cold nodes, whose requests in flight are within the quantile, the
   * one with the lowest latency. `undefined` when there are no two fresh reports.
   */
  take(now: number): N | undefined {
    this.renew(now);
    if (this.size < FEWEST) return undefined;
    const hot = this.hotFrom();
    let best: N | undefined;
    let least = Infinity;
    for (let i = 0; i < hot; i++) {
      const entry = this.entries[i] as Entry<N>;
      // It is not less than what was reported, unless calls have gone since: most need not be looked at closely.
      if (entry.latency >= least && entry.inFlight >= entry.reported) continue;
      const latency = expectedLatency(entry, now);
      if (latency < least) {
        least = latency;
        best = entry.node;
      }
    }
    return best;
  }

  /** The latencies of those that `take` chooses from. */
  candidates(now: number): ReadonlyMap<N, number> {
    this.renew(now);
    if (this.size < FEWEST) return new Map();
    const cold = this.entries.slice(0, this.hotFrom());
    return new Map(cold.map((entry) => [entry.node, expectedLatency(entry, now)]));
  }

  /**
   * Makes room as Prequal does: the worst and the oldest in turn, so that the pool is neither stale nor full of bad nodes.
   * Only for what has come in: calls made all at once would otherwise empty the pool before the first of them is answered.
   */
  makeRoom(now: number): void {
    if (!this.refilled) return;
    this.refilled = false;
    this.evict(now);
  }

  private evict(now: number): void {
    this.renew(now);
    if (this.size <= FEWEST) return;
    this.evictWorst = !this.evictWorst;
    this.removeAt(this.evictWorst ? this.worst(now) : this.oldest());
  }

  /** The node's entry, or another one that it gets. */
  private entryOf(node: N, now: number): Entry<N> {
    for (let i = 0; i < this.size; i++) {
      const entry = this.entries[i] as Entry<N>;
      if (entry.node === node) return entry;
    }
    if (this.size === POOL_SIZE) this.evict(now);
    const entry = (this.entries[this.size] ??= {
      node,
      reported: 0,
      others: 0,
      latency: 0,
      at: 0,
      inFlight: 0,
    });
    entry.node = node;
    this.size++;
    return entry;
  }

  /** Drops what is too old, counts what is in flight now, and puts the least first; hardly anything moves from pick to pick. */
  private renew(now: number): void {
    const { entries } = this;
    let i = 0;
    while (i < this.size) {
      const entry = entries[i] as Entry<N>;
      if (now - entry.at > REPORT_LIFETIME) {
        this.removeAt(i);
        continue;
      }
      const inFlight = entry.others + entry.node.inFlight;
      entry.inFlight = inFlight;
      let place = i;
      for (; place > 0 && (entries[place - 1] as Entry<N>).inFlight > inFlight; place--)
        entries[place] = entries[place - 1] as Entry<N>;
      if (place < i) entries[place] = entry;
      i++;
    }
  }

  /** Index of the first hot entry; those before it are cold. */
  private hotFrom(): number {
    if (this.size < 2) return this.size;
    // Of two, both are cold: if only the one with fewer in flight were, its latency would count for nothing.
    let hot = Math.max(1, Math.floor(HOT_QUANTILE * (this.size - 1)));
    const limit = (this.entries[hot] as Entry<N>).inFlight;
    while (hot < this.size && (this.entries[hot] as Entry<N>).inFlight <= limit) hot++;
    return hot;
  }

  /** The hottest when any is hot, else the slowest. */
  private worst(now: number): number {
    if (this.hotFrom() < this.size) return this.size - 1;
    let worst = 0;
    let most = -Infinity;
    for (let i = 0; i < this.size; i++) {
      const latency = expectedLatency(this.entries[i] as Entry<N>, now);
      if (latency > most) {
        most = latency;
        worst = i;
      }
    }
    return worst;
  }

  private oldest(): number {
    let oldest = 0;
    for (let i = 1; i < this.size; i++) {
      if ((this.entries[i] as Entry<N>).at < (this.entries[oldest] as Entry<N>).at) oldest = i;
    }
    return oldest;
  }

  private removeAt(index: number): void {
    const { entries } = this;
    const removed = entries[index] as Entry<N>;
    this.size--;
    for (let i = index; i < this.size; i++) entries[i] = entries[i + 1] as Entry<N>;
    entries[this.size] = removed;
  }
}

/**
 * What the next call there is expected to take: what was reported, and the node's pace more or less for each call that has
 * come or gone since. But a server counts only requests that it has read, and one whose handlers keep its CPU knows nothing
 * of those that wait in its socket; and a report from before a stall says nothing of it. So it is not less than what this
 * client sees for itself: the node's pace for all that it has there, and the age of its oldest call.
 */
function expectedLatency<N extends StrategyNode>(entry: Entry<N>, now: number): number {
  const { node, inFlight, reported, latency: then } = entry;
  const { waitingSince } = node;
  const pace = node.pace(now);
  const latency = then + (pace ?? then / (reported + 1)) * (inFlight - reported);
  const seen = pace === undefined ? 0 : pace * (node.inFlight + 1);
  return Math.max(latency, seen, waitingSince === undefined ? 0 : now - waitingSince);
}
