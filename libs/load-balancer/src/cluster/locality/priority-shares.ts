/** How many nodes a priority has, and how many of them are healthy. */
export interface LevelHealth {
  readonly healthy: number;
  readonly total: number;
}

/** Envoy's: a priority keeps all its calls until less than 1/1.4 = 72 % of its nodes are healthy. */
export const OVER_PROVISIONING = 1.4;

/**
 * Which share (0–1) of the calls each priority gets, highest priority first, as Envoy computes it: a priority can carry
 * 1.4 × its healthy part, and what those before it can carry is not passed on. When all of them together cannot
 * carry everything, each has its part of it; when none can carry anything, they share by their number of nodes.
 *
 * The shares add up to 1, or are all 0 when there is no node.
 */
export function priorityShares(
  levels: readonly LevelHealth[],
  overProvisioning: number = OVER_PROVISIONING,
): number[] {
  const capacities = capacitiesOf(levels, overProvisioning);
  const capacity = sum(capacities);
  if (capacity === 0) {
    const nodes = levels.reduce((count, { total }) => count + total, 0);
    return levels.map(({ total }) => (nodes === 0 ? 0 : total / nodes));
  }
  if (capacity < 1) return capacities.map((own) => own / capacity);
  let left = 1;
  return capacities.map((own) => {
    const share = Math.min(own, left);
    left -= share;
    return share;
  });
}

/** Can all priorities together carry all calls? */
export function carries(levels: readonly LevelHealth[], overProvisioning: number): boolean {
  return sum(capacitiesOf(levels, overProvisioning)) >= 1;
}

function capacitiesOf(levels: readonly LevelHealth[], overProvisioning: number): number[] {
  return levels.map(({ healthy, total }) =>
    total === 0 ? 0 : Math.min(1, (overProvisioning * healthy) / total),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
