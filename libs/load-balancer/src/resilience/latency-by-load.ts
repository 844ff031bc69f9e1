/** Prequal's: the median of so many shrugs off a few odd ones, and follows a change within five answers. */
const SAMPLES = 9;
const MIDDLE = (SAMPLES - 1) / 2;
/** Milliseconds after which what was measured at a load tells nothing of the next request any more. */
const LIFETIME = 10_000;
/** Up to here each number of requests stands alone; beyond it those within an eighth of each other go together. */
const ALONE = 8;
const PER_DOUBLING = 8;
/** Some 370 000 requests in flight; what is more counts as that. */
const LEVELS = 128;

/**
 * How long requests take on this server at a given load: the median of the last nine that began with nearly as many in
 * flight (Prequal, NSDI '24). An average over all loads would tell clients of the load there was, and not of the one that
 * their next request meets.
 *
 * Times are monotonic milliseconds. Constant time and memory; nothing is allocated after the constructor.
 */
export class LatencyByLoad {
  private readonly samples = new Float64Array(LEVELS * SAMPLES);
  private readonly counts = new Uint8Array(LEVELS);
  /** The place of the next sample among the nine. */
  private readonly places = new Uint8Array(LEVELS);
  private readonly times = new Float64Array(LEVELS).fill(-Infinity);
  private readonly sorted = new Float64Array(SAMPLES);

  /** @param inFlight requests in flight when it began, itself included */
  record(inFlight: number, latency: number, now: number): void {
    const level = levelOf(inFlight);
    const stale = now - (this.times[level] as number) > LIFETIME;
    this.times[level] = now;
    const count = stale ? 0 : (this.counts[level] as number);
    if (count < SAMPLES) this.counts[level] = count + 1;
    const place = this.places[level] as number;
    this.samples[level * SAMPLES + place] = latency;
    this.places[level] = place + 1 === SAMPLES ? 0 : place + 1;
  }

  /**
   * The latency to expect of a request that is one of `inFlight`: at the nearest load of which something is known, rather a
   * lower one. `undefined` when nothing is.
   */
  at(inFlight: number, now: number): number | undefined {
    const level = levelOf(inFlight);
    for (let distance = 0; distance < LEVELS; distance++) {
      if (this.knows(level - distance, now)) return this.median(level - distance);
      if (this.knows(level + distance, now)) return this.median(level + distance);
    }
    return undefined;
  }

  private knows(level: number, now: number): boolean {
    const at = this.times[level];
    return at !== undefined && now - at <= LIFETIME;
  }

  private median(level: number): number {
    const { sorted } = this;
    const count = this.counts[level] as number;
    // The latest of them end right before the place of the next.
    const next = (this.places[level] as number) + SAMPLES;
    for (let back = 1; back <= count; back++)
      sorted[back - 1] = this.samples[level * SAMPLES + ((next - back) % SAMPLES)] as number;
    const known = count === SAMPLES ? sorted : sorted.subarray(0, count);
    known.sort();
    return known[count === SAMPLES ? MIDDLE : (count - 1) >> 1] as number;
  }
}

/** The loads are told apart finely where they are low, where one more request makes a difference. */
function levelOf(inFlight: number): number {
  if (inFlight <= ALONE) return Math.max(0, Math.floor(inFlight));
  return Math.min(LEVELS - 1, ALONE + Math.floor(Math.log2(inFlight / ALONE) * PER_DOUBLING));
}
