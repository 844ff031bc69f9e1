import { seededRandom } from '../seeded-random.js';

/** A source of chance: uniform in [0, 1). */
export type Random = () => number;

/**
 * Independent sources of chance out of one seed. Arrivals, service times, faults and each client draw from their own, so that
 * two configurations with the same seed meet the same calls and the same faults.
 */
export function chanceOf(seed: number): () => Random {
  const seeds = seededRandom(seed);
  return () => seededRandom(Math.floor(seeds() * 2 ** 32));
}

/** Drawn from an exponential distribution with this mean: times between independent events. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** Some of the items, each as likely as any other, in no particular order. */
export function draw<T>(random: Random, items: readonly T[], count: number): T[] {
  const left = [...items];
  const drawn: T[] = [];
  while (drawn.length < count && left.length > 0) {
    const place = Math.floor(random() * left.length);
    const [item] = left.splice(place, 1, left[left.length - 1] as T);
    left.pop();
    drawn.push(item as T);
  }
  return drawn;
}
