/**
 * Answers that the average goes over, those that come at once. Before there are as many it is that of all: the first answer
 * of a cold server is often slow, and must not count for more than the next ones.
 */
const ANSWERS = 10;
/**
 * Finagle's default for the time in which what is known fades to 1/e, in milliseconds: long enough that a slow node does
 * not look cheap again after a second of rest.
 */
const DECAY = 10_000;
/** Up to here the approximation is off by less than a part in a thousand million. */
const SHORT = 0.05;

/**
 * How slow a node is by what this client has seen of it: a moving average of latency / √(calls in flight when it began).
 * Times are monotonic milliseconds.
 *
 * A latency says little without the load it was met with. On a server that works off one request after the other it grows
 * with them, and divided by them it is the time of one; on a server that does them all at once it does not, and the more
 * calls it has the quicker it would seem, divided by them. A client cannot tell these from each other. The root is half way:
 * long queues are not held against a node that is quick, and of equal nodes the one with fewer calls is always preferred.
 *
 * A failure is a peak as in Finagle's `PeakEwma`: it counts at once and in full, and no answer makes up for it. Both fade
 * while nobody adds to them, so that a node is tried again in the end.
 */
export class Pace {
  private average = 0;
  /** Answers in the average, up to one less than it goes over. */
  private answers = 0;
  private at = -Infinity;
  private penalty = 0;
  private penalizedAt = -Infinity;

  /** Has anything been observed? */
  get known(): boolean {
    return this.at !== -Infinity || this.penalty > 0;
  }

  /** @param inFlight calls of this client when the answered one began, itself included */
  observe(latency: number, inFlight: number, now: number): void {
    const kept = (this.answers / (this.answers + 1)) * faded(this.at, now);
    if (this.answers < ANSWERS - 1) this.answers++;
    this.average = this.average * kept + (latency / Math.sqrt(inFlight)) * (1 - kept);
    // A clock that goes back counts as standing still.
    if (now > this.at) this.at = now;
  }

  /** @param latency what the failure counts for */
  penalize(latency: number, now: number): void {
    this.penalty = Math.max(latency, this.penalty * faded(this.penalizedAt, now));
    if (now > this.penalizedAt) this.penalizedAt = now;
  }

  /** What is known at `now`; 0 before anything has been observed. */
  read(now: number): number {
    const average = this.average * faded(this.at, now);
    if (this.penalty === 0) return average;
    return Math.max(average, this.penalty * faded(this.penalizedAt, now));
  }

  /** What comes is another process, of which nothing is known. */
  forget(): void {
    this.average = this.answers = this.penalty = 0;
    this.at = this.penalizedAt = -Infinity;
  }
}

/**
 * e^−(Δt/τ): how much the past counts for. Answers of a busy node come within milliseconds of each other, for which the
 * Padé approximant of order 2 does: the exact function is a call out of compiled code for every answer and three for
 * every pick.
 */
function faded(since: number, now: number): number {
  if (now <= since) return 1;
  const x = (now - since) / DECAY;
  if (x > SHORT) return Math.exp(-x);
  const even = 1 + (x * x) / 12;
  return (even - x / 2) / (even + x / 2);
}
