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
import { didYouMean } from '../../nearest.js';
import { describeValue } from '../../safe-text.js';
import { STRATEGY_NAMES } from '../../strategies/registry.js';
import { planSimulation } from './simulation-plan.js';
import type { SimulationOptions } from './simulation-options.js';
import { SIMULATION_CHECKS } from './validate-simulation.js';

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
  /** What a strategy that is compared must reach: the highest value of a figure that is good enough. */
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
      if (!FIGURES.includes(figure as ScenarioFigure))
        report(pathTo(path, figure), `expected one of ${FIGURES.join(', ')}, got ${describeValue(figure)}`);
      else number({ min: 0, ...(figure === 'failed' && { max: 1 }) })(limit, pathTo(path, figure), report);
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

const KNOWN = [...Object.keys(ownChecks), ...Object.keys(SIMULATION_CHECKS)];

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
  const own: Record<string, unknown> = {};
  const simulation: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(value))
    if (Object.hasOwn(ownChecks, name)) own[name] = option;
    else if (name === 'seed')
      report(name, 'each run has another; they are given on the command line, as --seeds');
    else if (Object.hasOwn(SIMULATION_CHECKS, name)) simulation[name] = option;
    else report(pathTo('', name), `unknown option${didYouMean(name, KNOWN)}`);
  section(ownChecks)(own, '', report);
  if (own.title === undefined) report('title', 'missing');
  if (isObject(simulation.service) && simulation.service.strategy !== undefined)
    report('service.strategy', 'stands in strategies, where several can be compared');
  const ofSimulation = problemsOf(simulation);
  problems.push(...ofSimulation);
  // Without what is unknown: that need not be told of each strategy again.
  const scenario = { ...simulation, ...own } as unknown as Scenario;
  if (isListOfTexts(scenario.strategies ?? [])) {
    const sound = ofSimulation.length === 0 && !problems.some(({ path }) => path.startsWith('hedging'));
    reportStrategies(scenario, sound, report);
    reportUnchecked(scenario, report);
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return scenario;
}

/** What is wrong with comparing this strategy by a scenario, if anything is. */
export function strategyProblem(scenario: Scenario, strategy: string): string | undefined {
  const unknown = unknownStrategy(strategy);
  if (unknown !== undefined) return unknown;
  const problems = problemsOf(simulationOf(scenario, strategy, 0));
  if (problems.length === 0) return undefined;
  const texts = problems.map(({ path, message }) => `${path}: ${message}`);
  return `with ${describeValue(strategy)}, ${texts.join('; ')}`;
}

function unknownStrategy(strategy: string): string | undefined {
  const known = STRATEGY_NAMES.flatMap((name) => [name, `${name}${HEDGED}`]);
  if (known.includes(strategy)) return undefined;
  const names = `(known: ${STRATEGY_NAMES.join(', ')}, each also with ${HEDGED})`;
  return `unknown strategy ${describeValue(strategy)}${didYouMean(strategy, known) || ` ${names}`}`;
}

function problemsOf(simulation: unknown): readonly OptionsProblem[] {
  try {
    planSimulation(simulation as SimulationOptions);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems;
  }
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** @param sound can the scenario be simulated at all? Otherwise each strategy would have the same problems again. */
function reportStrategies(scenario: Scenario, sound: boolean, report: Report): void {
  if (scenario.strategies?.length === 0) report('strategies', 'expected at least one strategy');
  scenario.strategies?.forEach((strategy, i) => {
    const problem = sound ? strategyProblem(scenario, strategy) : unknownStrategy(strategy);
    if (problem !== undefined) report(pathTo('strategies', i), problem);
  });
}

/** A bar that nothing is held to would count as reached. */
function reportUnchecked(scenario: Scenario, report: Report): void {
  const compared = strategiesOf(scenario);
  if (!isObject(scenario.bars) || compared.length === 0) return;
  for (const strategy of Object.keys(scenario.bars)) {
    if (compared.includes(strategy)) continue;
    const hint = didYouMean(strategy, compared) || ` (${compared.join(', ')})`;
    report(pathTo('bars', strategy), `is not one of the strategies that are compared${hint}`);
  }
}
