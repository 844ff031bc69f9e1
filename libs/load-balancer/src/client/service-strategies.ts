import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import type { ResolvedStrategy } from '../module/options.js';
import { isObject, type Check } from '../module/validation/schema.js';
import {
  mayUseHashKey,
  resolveStrategy,
  strategyCheck,
  type StrategiesByName,
} from '../module/validation/strategies.js';
import { describeValue } from '../safe-text.js';
import type { Strategy, StrategyFactory } from '../strategies/strategy.js';
import type { CallStrategy } from './call-options.js';
import { plainText } from './plain-text.js';
import type { UpstreamNode } from './upstream-node.js';

/**
 * Strategies that calls may add to a service. Each is told of every change of the nodes, so that a program which computes
 * options for each call would slow down everything: it hears of it instead.
 */
export const MOST_OF_CALLS = 16;

export interface ServiceStrategiesDeps {
  /** Makes one; `path` is that of the option that asks for it. */
  readonly make: (setting: ResolvedStrategy, path: string) => Strategy<UpstreamNode>;
  /** From now on calls may be given to it. */
  readonly admit: (strategy: Strategy<UpstreamNode>) => void;
  /** The nodes that calls can go to. */
  readonly candidates: () => readonly UpstreamNode[];
}

/** The strategies of one service: its own, those of its patterns, and those that calls name. Equal options share one. */
export class ServiceStrategies {
  /** By what made them, and the text of their options. */
  private readonly running = new Map<StrategyFactory, Map<string, Strategy<UpstreamNode>>>();
  private readonly names = new WeakMap<Strategy<UpstreamNode>, string>();
  /** Those that are known not to go by hash keys. */
  private readonly keyless = new WeakSet<Strategy<UpstreamNode>>();
  /** By what the call wrote, so that it is checked once. */
  private readonly byCall = new Map<string, Strategy<UpstreamNode>>();
  private readonly check: Check;
  private addedByCalls = 0;

  /**
   * @param setting what the service's own strategy was made of
   * @param beside what is tried out beside it
   * @param known the strategies that calls may name
   */
  constructor(
    private readonly own: Strategy<UpstreamNode>,
    setting: ResolvedStrategy,
    beside: ResolvedStrategy | undefined,
    private readonly known: StrategiesByName,
    private readonly deps: ServiceStrategiesDeps,
  ) {
    this.check = strategyCheck(known);
    this.remember(setting, own);
    if (mayUseHashKey(beside)) this.keyless.delete(own);
  }

  /** The name of a strategy that runs here; the service's own when none is given. */
  nameOf(strategy = this.own): string {
    return this.names.get(strategy) ?? '';
  }

  /** Could a hash key matter to it? To the service's own also when it matters to what runs beside that. */
  mayUseHashKey(strategy = this.own): boolean {
    return !this.keyless.has(strategy);
  }

  /**
   * The strategy of a pattern.
   *
   * @throws InvalidOptionsError when what a user's factory makes is none
   */
  ofPattern(setting: ResolvedStrategy, path: string): Strategy<UpstreamNode> {
    return this.find(setting) ?? this.add(setting, path);
  }

  /**
   * The strategy that a call names.
   *
   * @throws InvalidOptionsError when it is wrong, or would be one too many; `path` says where
   */
  ofCall(named: CallStrategy, path: string): Strategy<UpstreamNode> {
    const text = plainText(named);
    const known = text === undefined ? undefined : this.byCall.get(text);
    if (known) return known;
    const setting = this.settingOf(named, text, path);
    let strategy = this.find(setting);
    if (strategy === undefined) {
      if (this.addedByCalls === MOST_OF_CALLS) {
        const message = `calls have named ${MOST_OF_CALLS} different strategies, and a service keeps no more; do not compute options from data`;
        throw new InvalidOptionsError([{ path, message }]);
      }
      strategy = this.add(setting, path);
      this.addedByCalls++;
    }
    if (this.byCall.size < 2 * MOST_OF_CALLS && text !== undefined) this.byCall.set(text, strategy);
    return strategy;
  }

  /**
   * The strategy that a call would name: one that is running, or one for this question alone, which no call is given to and which
   * counts for none of those that a service keeps.
   *
   * @throws InvalidOptionsError when it is wrong; `path` says where
   */
  toExplain(named: CallStrategy, path: string): Strategy<UpstreamNode> {
    const setting = this.settingOf(named, plainText(named), path);
    const running = this.find(setting);
    if (running) return running;
    const strategy = this.deps.make(setting, path);
    strategy.update(this.deps.candidates());
    this.names.set(strategy, setting.name);
    if (!mayUseHashKey(setting)) this.keyless.add(strategy);
    return strategy;
  }

  private settingOf(named: CallStrategy, text: string | undefined, path: string): ResolvedStrategy {
    const problems: OptionsProblem[] = [];
    // Unlike options, calls come by the thousand: a function among them could not be told from that of the last call.
    if (typeof named !== 'string' && (!isObject(named) || text === undefined)) {
      const message = `expected the name of a strategy, or an object { name, … } of plain data, got ${describeValue(named)}`;
      problems.push({ path, message });
    } else this.check(named, path, (where, message) => problems.push({ path: where, message }));
    if (problems.length > 0) throw new InvalidOptionsError(problems);
    return resolveStrategy(named, this.known);
  }

  private find({ factory, options }: ResolvedStrategy): Strategy<UpstreamNode> | undefined {
    const text = plainText(options);
    return text === undefined ? undefined : this.running.get(factory)?.get(text);
  }

  private add(setting: ResolvedStrategy, path: string): Strategy<UpstreamNode> {
    const strategy = this.deps.make(setting, path);
    this.remember(setting, strategy);
    this.deps.admit(strategy);
    return strategy;
  }

  private remember(setting: ResolvedStrategy, strategy: Strategy<UpstreamNode>): void {
    const { name, factory, options } = setting;
    this.names.set(strategy, name);
    if (!mayUseHashKey(setting)) this.keyless.add(strategy);
    const text = plainText(options);
    if (text === undefined) return;
    const ofFactory = this.running.get(factory) ?? new Map<string, Strategy<UpstreamNode>>();
    ofFactory.set(text, strategy);
    this.running.set(factory, ofFactory);
  }
}
