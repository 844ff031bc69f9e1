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
  /** Requests in flight on the server, as reported, and one for each call sent there since. */
  inFlight: number;
  /** What the next call there is expected to take, in milliseconds. */
  latency: number;
  at: number;
}

/**
 * The last load reports of a few nodes, at most one a node, fewest requests in flight first. The entries are made once
 * and moved about, so that nothing is allocated; with sixteen of them a shift is a few nanoseconds.
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
  add(node: N, { inFlight, latency: reported }: LoadReport, at: number): void {
    this.refilled = true;
    const latency = reported ?? this.typical;
    this.typical += (latency - this.typical) * TYPICAL_WEIGHT;
    this.remove(node);
    if (this.size === POOL_SIZE) this.evict();
    let entry = this.entries[this.size];
    if (entry) {
      entry.node = node;
      entry.inFlight = inFlight;
      entry.latency = latency;
      entry.at = at;
    } else {
      entry = { node, inFlight, latency, at };
      this.entries.push(entry);
    }
    this.size++;
    this.sink(this.size - 1);
  }

  /**
   * Prequal's choice, *hot-cold lexicographic*: of the cold nodes, whose requests in flight are within the quantile, the
   * one with the lowest latency. The call is added to its entry at once, since its next report comes later than the next
   * call, and so would many a call. `undefined` when there are no two fresh reports.
   */
  take(now: number): N | undefined {
    if (!this.comparable(now)) return undefined;
    // Age and stall are looked at only of entries that would be taken: to ask all sixteen costs a cache miss each.
    for (let chosen = this.best(); chosen >= 0; chosen = this.best()) {
      const entry = this.entries[chosen] as Entry<N>;
      if (now - entry.at > REPORT_LIFETIME) {
        this.removeAt(chosen);
        continue;
      }
      const expected = expectedLatency(entry, now);
      if (expected > entry.latency) {
        entry.latency = expected;
        continue;
      }
      entry.latency *= (entry.inFlight + 2) / (entry.inFlight + 1);
      entry.inFlight++;
      this.rise(chosen);
      return entry.node;
    }
    return undefined;
  }

  /** The latencies of those that `take` chooses from. */
  candidates(now: number): ReadonlyMap<N, number> {
    if (!this.comparable(now)) return new Map();
    const fresh = this.entries.slice(0, this.hotFrom()).filter(({ at }) => now - at <= REPORT_LIFETIME);
    return new Map(fresh.map((entry) => [entry.node, expectedLatency(entry, now)]));
  }

  /** Are there two fresh reports? */
  private comparable(now: number): boolean {
    let fresh = 0;
    for (let i = 0; i < this.size; i++) {
      if (now - (this.entries[i] as Entry<N>).at <= REPORT_LIFETIME && ++fresh === FEWEST) return true;
    }
    return false;
  }

  private remove(node: N): void {
    for (let i = 0; i < this.size; i++) {
      if ((this.entries[i] as Entry<N>).node === node) {
        this.removeAt(i);
        return;
      }
    }
  }

  /** Index of the cold entry with the lowest latency; -1 when there is none. */
  private best(): number {
    const hot = this.hotFrom();
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < hot; i++) {
      const { latency } = this.entries[i] as Entry<N>;
      if (latency < least) {
        least = latency;
        best = i;
      }
    }
    return best;
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

  /**
   * Makes room as Prequal does: the worst and the oldest in turn, so that the pool is neither stale nor full of bad nodes.
   * Only for what has come in: calls made all at once would otherwise empty the pool before the first of them is answered.
   */
  makeRoom(): void {
    if (!this.refilled) return;
    this.refilled = false;
    this.evict();
  }

  private evict(): void {
    if (this.size <= FEWEST) return;
    this.evictWorst = !this.evictWorst;
    this.removeAt(this.evictWorst ? this.worst() : this.oldest());
  }

  /** The hottest when any is hot, else the slowest. */
  private worst(): number {
    if (this.hotFrom() < this.size) return this.size - 1;
    let worst = 0;
    for (let i = 1; i < this.size; i++) {
      if ((this.entries[i] as Entry<N>).latency > (this.entries[worst] as Entry<N>).latency) worst = i;
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

  /** Moves an entry towards the front until none before it has more requests in flight. */
  private sink(index: number): void {
    const { entries } = this;
    const moved = entries[index] as Entry<N>;
    let i = index;
    for (; i > 0 && (entries[i - 1] as Entry<N>).inFlight > moved.inFlight; i--) {
      entries[i] = entries[i - 1] as Entry<N>;
    }
    entries[i] = moved;
  }

  /** Moves an entry towards the back until none after it has fewer. */
  private rise(index: number): void {
    const { entries } = this;
    const moved = entries[index] as Entry<N>;
    let i = index;
    for (; i < this.size - 1 && (entries[i + 1] as Entry<N>).inFlight < moved.inFlight; i++) {
      entries[i] = entries[i + 1] as Entry<N>;
    }
    entries[i] = moved;
  }
}

/** A report from before a stall says nothing of it: the call that has been waiting there since then does. */
function expectedLatency<N extends StrategyNode>({ latency, node }: Entry<N>, now: number): number {
  const { waitingSince } = node;
  return waitingSince === undefined ? latency : Math.max(latency, now - waitingSince);
}
