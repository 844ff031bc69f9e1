/** Buckets are counted in tenths of a millisecond, the finest that is told apart. */
const UNITS_PER_MS = 10;
/** Longer ones count as 5 minutes. */
const LONGEST = 300_000;
/**
 * Each power of two is divided into 128: two significant digits, as HdrHistogram does it. The first 256 units are told
 * apart one by one.
 */
const SUB_BUCKET_BITS = 7;
const SUB_BUCKETS = 2 ** SUB_BUCKET_BITS;
const BUCKETS = bucketOf(LONGEST) + 1;

/** Milliseconds a half of the window covers. Together they reach back 15–30 s; Finagle looks back 30 s. */
const HALF_WINDOW = 15_000;
/** What p95 needs; fewer samples say nothing of any percentile. */
const FEWEST_SAMPLES = 20;

/**
 * A service's own latencies of the last 15–30 seconds, for delays that follow a percentile of them: a log-linear
 * histogram in two halves, of which the older is dropped every 15 s. 16 kB, and about 10 ns a record.
 *
 * Times are monotonic milliseconds. A clock that goes back counts as standing still; one that jumps ahead by both halves
 * leaves nothing.
 */
export class LatencyWindow {
  private current = new Uint32Array(BUCKETS);
  private previous = new Uint32Array(BUCKETS);
  private currentCount = 0;
  private previousCount = 0;
  private currentStart = -Infinity;

  /** An answer took so many milliseconds. */
  record(latency: number, now: number): void {
    this.rotate(now);
    const bucket = bucketOf(latency);
    this.current[bucket] = (this.current[bucket] as number) + 1;
    this.currentCount++;
  }

  /**
   * The latency in milliseconds that `percentile` (above 0, below 100) percent of the answers did not exceed: never
   * below the true one, and above it by less than 1 % or 0.1 ms. `undefined` while there are too few to have that
   * percentile and not just a maximum: 20 up to p95, 100 for p99, 1 000 for p99.9.
   *
   * It walks the buckets (about 2 µs): keep its answer for a while.
   */
  percentile(percentile: number, now: number): number | undefined {
    this.rotate(now);
    const count = this.currentCount + this.previousCount;
    const above = Math.floor((count * (100 - percentile)) / 100 + ROUNDING);
    if (count < FEWEST_SAMPLES || above < 1) return undefined;
    let left = count - above;
    let bucket = -1;
    while (left > 0) {
      bucket++;
      left -= (this.current[bucket] as number) + (this.previous[bucket] as number);
    }
    return upperEdge(bucket);
  }

  /** Answers in the window. */
  count(now: number): number {
    this.rotate(now);
    return this.currentCount + this.previousCount;
  }

  private rotate(now: number): void {
    const age = now - this.currentStart;
    if (age < HALF_WINDOW) return;
    const oldest = this.previous;
    this.previous = this.current;
    this.previousCount = this.currentCount;
    this.current = oldest.fill(0);
    this.currentCount = 0;
    if (age < 2 * HALF_WINDOW) {
      this.currentStart += HALF_WINDOW;
    } else {
      this.previous.fill(0);
      this.previousCount = 0;
      this.currentStart = now;
    }
  }
}

/** 1 000 × (100 − 99.9) / 100 comes out just below 1. */
const ROUNDING = 1e-9;

function bucketOf(latency: number): number {
  // What is negative or not a number counts as 0.
  const units = latency > 0 ? (Math.min(latency, LONGEST) * UNITS_PER_MS) | 0 : 0;
  const exponent = 31 - SUB_BUCKET_BITS - Math.clz32(units | (2 * SUB_BUCKETS - 1));
  return exponent * SUB_BUCKETS + (units >> exponent);
}

/** What every latency in the bucket is below, in milliseconds. */
function upperEdge(bucket: number): number {
  const exponent = Math.max(0, (bucket >> SUB_BUCKET_BITS) - 1);
  const units = (bucket - exponent * SUB_BUCKETS + 1) << exponent;
  return Math.min(units / UNITS_PER_MS, LONGEST);
}
