import { InvalidOptionsError, type OptionsProblem } from '../../errors.js';
import type { Check, Fields, Report } from '../../module/validation/schema.js';
import {
  isObject,
  list,
  milliseconds,
  number,
  pathTo,
  section,
  text,
} from '../../module/validation/schema.js';
import { describeValue } from '../../safe-text.js';
import { planSimulation } from './simulation-plan.js';
import type { SimulationOptions } from './simulation-options.js';

/** A figure of a result that can have a bar; `failed` is the share (0–1) of the calls. */
export type ScenarioFigure = 'p50' | 'p90' | 'p99' | 'p999' | 'max' | 'failed';

/** A simulation to compare strategies by. */
export interface Scenario extends Omit<SimulationOptions, 'seed'> {
  /** What it is about, in a few words. */
  title: string;
  /** What is to be seen in it. */
  summary?: string;
  /** Names of strategies; with `+hedge` after it, the strategy with hedging. Some of the built-in ones by default. */
  strategies?: readonly string[];
  /** What `+hedge` adds. */
  hedging?: ScenarioHedging;
  /** What a strategy must reach: the highest value of a figure that is good enough. */
  bars?: Readonly<Record<string, Readonly<Partial<Record<ScenarioFigure, number>>>>>;
}

export interface ScenarioHedging {
  /** Milliseconds of silence after which a call goes to a second node, too; 100 by default. */
  delay?: number;
  /** Share (0–1) of the calls that may be hedged or retried; 0.02 by default. */
  budget?: number;
}

const COMPARED: readonly string[] = [
  'round-robin',
  'least-request',
  'peak-ewma',
  'least-loaded',
  'least-loaded+hedge',
];

const HEDGED = '+hedge';

/** The strategies that a scenario compares. */
export function strategiesOf({ strategies, call }: Scenario): readonly string[] {
  return strategies ?? COMPARED.filter((name) => call?.idempotent === true || !name.endsWith(HEDGED));
}

const FIGURES: readonly ScenarioFigure[] = ['p50', 'p90', 'p99', 'p999', 'max', 'failed'];

/** The options to simulate a scenario with, with this strategy and seed. */
export function simulationOf(scenario: Scenario, strategy: string, seed: number): SimulationOptions {
  const { hedging = {}, service = {} } = scenario;
  const { delay = 100, budget = 0.02 } = hedging;
  const simulation = Object.fromEntries(
    Object.entries(scenario).filter(([name]) => !(name in ownChecks)),
  ) as unknown as Omit<SimulationOptions, 'seed'>;
  const retry = service.retry === false ? {} : service.retry;
  const hedged = strategy.endsWith(HEDGED) && {
    hedge: { delay },
    retry: { ...retry, budget: { ratio: budget, minPerSecond: 0 } },
  };
  const name = strategy.replace(HEDGED, '');
  return { ...simulation, seed, service: { ...service, strategy: name, ...hedged } };
}

const figureBars: Check = (value, path, report) => {
  if (!isObject(value)) report(path, `expected an object with bars by figure, got ${describeValue(value)}`);
  else
    for (const [figure, limit] of Object.entries(value)) {
      if (FIGURES.includes(figure as ScenarioFigure)) number({ min: 0 })(limit, pathTo(path, figure), report);
      else report(pathTo(path, figure), `expected one of ${FIGURES.join(', ')}`);
    }
};

const bars: Check = (value, path, report) => {
  if (!isObject(value)) report(path, `expected an object with bars by strategy, got ${describeValue(value)}`);
  else
    for (const [strategy, limits] of Object.entries(value))
      figureBars(limits, pathTo(path, strategy), report);
};

/** What a scenario has beside the options of the simulation. */
const ownChecks: Fields<Pick<Scenario, 'title' | 'summary' | 'strategies' | 'hedging' | 'bars'>> = {
  title: text,
  summary: text,
  strategies: list(text, 'strategies'),
  hedging: section<ScenarioHedging>({ delay: milliseconds(1), budget: number({ min: 0, max: 1 }) }),
  bars,
};

/**
 * A scenario as a file holds it, checked.
 *
 * @throws InvalidOptionsError with every problem at once
 */
export function parseScenario(value: unknown): Scenario {
  const problems: OptionsProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  if (!isObject(value)) {
    report('scenario', `expected an object, got ${describeValue(value)}`);
    throw new InvalidOptionsError(problems);
  }
  const { title, summary, strategies, hedging, bars: barsOfStrategies, ...simulation } = value;
  section(ownChecks)({ title, summary, strategies, hedging, bars: barsOfStrategies }, '', report);
  if (title === undefined) report('title', 'missing');
  if (isObject(simulation.service) && simulation.service.strategy !== undefined)
    report('service.strategy', 'stands in strategies, where several can be compared');
  try {
    planSimulation(simulation as unknown as SimulationOptions);
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    problems.push(...error.problems);
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return value as unknown as Scenario;
}
