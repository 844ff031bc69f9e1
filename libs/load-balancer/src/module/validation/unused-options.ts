import { plainText } from '../../client/plain-text.js';
import { builtInStrategies } from '../../strategies/registry.js';
import type { OptionPath, ResolvedServiceOptions, ResolvedStrategy, ServiceOptions } from '../options.js';
import type { Doubt } from './doubts.js';
import { isJson } from './pattern-text.js';
import { usedInWords, type StaticNodes } from './static-nodes.js';
import { mayUseHashKey } from './strategies.js';

/**
 * Options that are right and have no effect, as the others are.
 *
 * @param given what the service was given, with `defaults`; what it has without being asked need not act
 */
export function unusedOptions(
  service: ResolvedServiceOptions,
  given: Partial<ServiceOptions>,
  nodes: StaticNodes | undefined,
): Doubt[] {
  const doubts = [
    ...unusedHashKeys(service),
    ...unreportedLoad(service),
    ...unusedLocality(service, given, nodes),
    ...repeatedPatterns(service),
  ];
  const unused = (option: OptionPath, problem: string): void =>
    void doubts.push({ option, problem, unused: true });
  const { connection, healthCheck, outlierDetection, panicThreshold, limits } = service;
  const { idleTimeout, eager } = connection;
  if (idleTimeout > 0 && nodes !== undefined && nodes.all <= eager)
    unused(
      ['connection', 'idleTimeout'],
      `closes nothing, since it is for connections that calls opened, and the first ${eager} are opened at start-up (connection.eager); the target has ${nodes.all}`,
    );
  if (given.panicThreshold !== undefined && panicThreshold > 0 && healthCheck === false && !outlierDetection)
    unused(
      ['panicThreshold'],
      'ignores nothing, since no node is taken out; expected healthCheck or outlierDetection',
    );
  const unlimited =
    limits?.maxInFlight === Infinity && limits.maxInFlightPerNode === Infinity && !limits.adaptive;
  if (unlimited && limits.queue.size > 0)
    unused(['limits', 'queue'], 'nothing ever waits in it, since there is no limit beside it');
  return doubts;
}

/** The service's own key serves every pattern that has none of its own. */
function unusedHashKeys({ strategy, dryRun, patterns, hashKey }: ResolvedServiceOptions): Doubt[] {
  const usual = [strategy, dryRun.strategy];
  const problemWith = ({ name }: ResolvedStrategy): string =>
    `no strategy goes by it (${name} does not); expected "ring-hash" or "maglev" beside it`;
  const doubts: Doubt[] = [];
  const users = [...usual];
  for (const [text, settings] of patterns) {
    if (settings.hashKey === undefined) users.push(settings.strategy);
    else if (!(settings.strategy ? [settings.strategy] : usual).some(mayUseHashKey))
      doubts.push({
        option: ['patterns', text, 'hashKey'],
        problem: problemWith(settings.strategy ?? strategy),
        unused: true,
      });
  }
  if (hashKey !== undefined && !users.some(mayUseHashKey))
    doubts.unshift({ option: ['hashKey'], problem: problemWith(strategy), unused: true });
  return doubts;
}

/** What a server reports comes with its answers to probes, and beside its replies once they have told that it can. */
function unreportedLoad({ strategy, dryRun, patterns, healthCheck }: ResolvedServiceOptions): Doubt[] {
  if (healthCheck !== false) return [];
  const asked: (readonly [OptionPath, ResolvedStrategy | undefined])[] = [
    [['strategy'], strategy],
    [['dryRun', 'strategy'], dryRun.strategy],
    ...[...patterns].map(([text, settings]) => [['patterns', text, 'strategy'], settings.strategy] as const),
  ];
  return asked.flatMap(([option, setting]): Doubt[] => {
    if (!goesByReports(setting)) return [];
    const problem = `${setting?.name} never hears of the servers' load with healthCheck: false; expected probes, or another strategy`;
    return [{ option, problem, unused: true }];
  });
}

function goesByReports(setting: ResolvedStrategy | undefined): boolean {
  switch (setting?.factory) {
    case builtInStrategies['least-loaded']:
      return true;
    case builtInStrategies['weighted-round-robin']:
      return setting.options.weights === 'reported';
    default:
      return false;
  }
}

function unusedLocality(
  { locality }: ResolvedServiceOptions,
  given: Partial<ServiceOptions>,
  nodes: StaticNodes | undefined,
): Doubt[] {
  const { zone, callers, minNodes } = locality;
  if (zone === undefined) {
    if (callers === undefined) return [];
    const problem = 'counts for nothing without a zone of this process; expected locality.zone or LB_ZONE';
    return [{ option: ['locality', 'callers'], problem, unused: true }];
  }
  const doubts: Doubt[] = [];
  if (callers !== undefined && !callers.get(zone)) {
    const problem = `has no callers in "${zone}", where this process stands; expected a number above 0 for it`;
    doubts.push({ option: ['locality', 'callers'], problem });
  }
  // The environment speaks of the process, and not of this service.
  if (zone !== given.locality?.zone || nodes === undefined || nodes.used === 0) return doubts;
  const local = nodes.levels.filter((level) => level.some((node) => node.zone === zone));
  const option = ['locality', 'zone'] as const;
  if (local.length === 0)
    doubts.push({ option, problem: `"${zone}" is the zone of no node of the target`, unused: true });
  else if (!local.some(({ length }) => length >= minNodes) || nodes.used < minNodes)
    doubts.push({
      option,
      problem: `zones do not matter in a priority with fewer than ${minNodes} nodes (locality.minNodes), and ${usedInWords(nodes)}`,
      unused: true,
    });
  return doubts;
}

/** Two texts of one pattern, of which the one that comes last is in force. */
function repeatedPatterns({ patterns }: ResolvedServiceOptions): Doubt[] {
  const inForce = new Map([...patterns.keys()].map((text) => [routeText(text), text]));
  return [...patterns.keys()].flatMap((text): Doubt[] => {
    const last = inForce.get(routeText(text));
    if (last === undefined || last === text) return [];
    const problem = `is the pattern of ${JSON.stringify(last)}, too, which comes later and is in force; expected one of them`;
    return [{ option: ['patterns', text], problem }];
  });
}

function routeText(text: string): string {
  return text.startsWith('{') && isJson(text) ? (plainText(JSON.parse(text)) ?? text) : text;
}
