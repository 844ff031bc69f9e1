const FIGURES = ['p50', 'p90', 'p99', 'p999', 'max'];

/**
 * What the seeds of one scenario and strategy say together: the median of each figure.
 *
 * @param {string} strategy
 * @param {readonly { result: import('nestjs-load-balancer/testing').SimulationResult }[]} outcomes one for each seed
 * @param {Record<string, number>} bars the highest value of a figure that is good enough
 */
export function summarize(strategy, outcomes, bars = {}) {
  const results = outcomes.map(({ result }) => result);
  const over = (pick) => median(results.map(pick));
  const figures = {
    ...Object.fromEntries(FIGURES.map((figure) => [figure, over(({ latency }) => latency[figure])])),
    failed: over(({ failed, calls }) => failed / calls),
    attempts: over(({ attempts, calls }) => attempts / calls),
  };
  const seconds = results[0].overTime.map(({ at }, second) => ({
    at,
    ...Object.fromEntries(
      FIGURES.map((figure) => [figure, over(({ overTime }) => overTime[second][figure])]),
    ),
  }));
  return {
    strategy,
    figures,
    seconds,
    calls: over(({ calls }) => calls),
    warnings: [...new Set(results.flatMap(({ warnings }) => warnings))],
    bars: Object.entries(bars).map(([figure, limit]) => ({
      figure,
      limit,
      value: figures[figure],
      holds: figures[figure] <= limit,
    })),
  };
}

/** The middle one; `NaN` when there is none. */
function median(values) {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
