import type { DynamicModule, FactoryProvider, InjectionToken, Provider } from '@nestjs/common';
import { Logger, Module } from '@nestjs/common';
import { LB_CONTEXT_OPTIONS } from '../context/context-options.js';
import type { Environment } from '../discovery/environment.js';
import { environmentNames, readEnvironment } from '../discovery/environment.js';
import { InvalidOptionsError } from '../errors.js';
import { clientProviders, unknownClientProviders } from './client-providers.js';
import { LoadBalancerCoreModule } from './load-balancer-core.module.js';
import type {
  LoadBalancerAsyncResult,
  LoadBalancerModuleAsyncOptions,
  LoadBalancerModuleOptions,
  LoadBalancerOptionsFactory,
} from './options.js';
import { featureNames, featuresDeclared, namesDeclared } from './service-names.js';
import { LB_ROOT_OPTIONS } from './tokens.js';
import type { ValidatedModuleOptions } from './validation/validate-module-options.js';
import { validateModuleOptions } from './validation/validate-module-options.js';

/** Holds what `forRoot()` was given where every `forFeature()` finds it, whether or not the clients are global. */
@Module({})
class LoadBalancerRootOptionsModule {}

/**
 * Declares services and makes a `BalancedClientProxy` of each injectable with `@BalancedClient(name)`.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [LoadBalancerModule.forRoot({ services: { orders: 'static:///127.0.0.1:4001,127.0.0.1:4002' } })],
 * })
 * class AppModule {}
 * ```
 */
@Module({})
export class LoadBalancerModule {
  /**
   * Declares services once for the application. Without an argument they come from the environment:
   * `LB_TARGET_ORDERS=static:///…` declares `orders`. The same variable overrides a configured target.
   *
   * The app fails to start with an `InvalidOptionsError` that lists every problem with the options.
   */
  static forRoot(options: LoadBalancerModuleOptions = {}): DynamicModule {
    const { isGlobal, ...rest } = options;
    const names = Object.keys(options.services ?? {});
    return this.declare(names, [{ provide: LB_ROOT_OPTIONS, useValue: rest }], [], isGlobal ?? false);
  }

  /**
   * The same with options that are made at start-up. The names of the services are given outside the factory, since
   * what is injected must be known before it runs.
   *
   * @example
   * ```ts
   * LoadBalancerModule.forRootAsync({
   *   services: ['orders'],
   *   imports: [ConfigModule],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ services: { orders: config.getOrThrow('ORDERS_TARGET') } }),
   * })
   * ```
   */
  static forRootAsync(options: LoadBalancerModuleAsyncOptions): DynamicModule {
    const names = options.services ?? [];
    assertListedOnce(names);
    return this.declare(
      names,
      asyncOptionsProviders(options),
      options.imports ?? [],
      options.isGlobal ?? false,
    );
  }

  /** Declares further services for one feature module; the root's `defaults`, `resolvers` and `strategies` hold for them. */
  static forFeature(services: NonNullable<LoadBalancerModuleOptions['services']>): DynamicModule {
    const validated = Symbol('LB_FEATURE_OPTIONS');
    const provider: FactoryProvider<ValidatedModuleOptions> = {
      provide: validated,
      inject: [{ token: LB_ROOT_OPTIONS, optional: true }],
      useFactory: (root?: LoadBalancerAsyncResult) => validate({ ...root, services }, process.env, false),
    };
    const names = Object.keys(services);
    namesDeclared(names);
    featuresDeclared(names);
    return withClients({ module: LoadBalancerModule, imports: [LoadBalancerCoreModule] }, provider, () =>
      clientProviders(names, validated),
    );
  }

  /** @param given the services that were named; those of the environment are added */
  private static declare(
    given: readonly string[],
    root: Provider[],
    imports: NonNullable<DynamicModule['imports']>,
    global: boolean,
  ): DynamicModule {
    namesDeclared(withEnvironment(given));
    // Which of the environment's are left for the root is known when every feature is.
    const names = (): string[] => withEnvironment(given);
    const validated = Symbol('LB_VALIDATED_OPTIONS');
    const provider: FactoryProvider<ValidatedModuleOptions> = {
      provide: validated,
      inject: [LB_ROOT_OPTIONS],
      useFactory: (options: LoadBalancerAsyncResult) => validateDeclared(options, names()),
    };
    const context: FactoryProvider = {
      provide: LB_CONTEXT_OPTIONS,
      inject: [LB_ROOT_OPTIONS],
      useFactory: (options: LoadBalancerAsyncResult) => options.context,
    };
    const rootOptions: DynamicModule = {
      module: LoadBalancerRootOptionsModule,
      global: true,
      imports,
      providers: [...root, context],
      exports: [LB_ROOT_OPTIONS, LB_CONTEXT_OPTIONS],
    };
    return withClients(
      { module: LoadBalancerModule, global, imports: [rootOptions, LoadBalancerCoreModule] },
      provider,
      () => clientProviders(names(), validated),
    );
  }
}

/** The given names, and those that only the environment declares. */
function withEnvironment(given: readonly string[]): string[] {
  return unique([...given, ...environmentNames(environmentOf(given), given)]);
}

/** The environment without the variables that are meant for the services of features. */
function environmentOf(names: readonly string[]): Environment {
  const others = featureNames().filter((name) => !names.includes(name));
  const theirs = new Set(readEnvironment(process.env, others, false).targets.map(({ variable }) => variable));
  return Object.fromEntries(Object.entries(process.env).filter(([variable]) => !theirs.has(variable)));
}

function validate(
  options: LoadBalancerAsyncResult,
  env: Environment,
  declares: boolean,
): ValidatedModuleOptions {
  const validated = validateModuleOptions(options, { env, declares });
  for (const warning of validated.warnings) new Logger(LoadBalancerModule.name).warn(warning);
  return validated;
}

/** A service that the factory returns but that was not named beforehand could never be injected. */
function validateDeclared(
  options: LoadBalancerAsyncResult,
  names: readonly string[],
): ValidatedModuleOptions {
  const validated = validate(options, environmentOf(names), true);
  const problems = [...validated.services.keys()]
    .filter((name) => !names.includes(name))
    .map((name) => ({
      path: `services.${name}`,
      message: `is not among the names given to forRootAsync({ services: [${names.map((each) => `'${each}'`).join(', ')}] })`,
    }));
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return validated;
}

function asyncOptionsProviders({
  useFactory,
  useClass,
  useExisting,
  inject,
}: LoadBalancerModuleAsyncOptions): Provider[] {
  const given = [useFactory, useClass, useExisting].filter((each) => each !== undefined).length;
  if (given !== 1) {
    const message = `expected exactly one of useFactory, useClass and useExisting, got ${given}`;
    throw new InvalidOptionsError([{ path: 'forRootAsync', message }]);
  }
  if (useFactory) return [{ provide: LB_ROOT_OPTIONS, useFactory, inject: inject ?? [] }];
  const fromFactory = (token: InjectionToken<LoadBalancerOptionsFactory>): Provider => ({
    provide: LB_ROOT_OPTIONS,
    inject: [token],
    useFactory: (factory: LoadBalancerOptionsFactory) => factory.createLoadBalancerOptions(),
  });
  if (useClass) return [useClass, fromFactory(useClass)];
  return [fromFactory(useExisting as InjectionToken<LoadBalancerOptionsFactory>)];
}

function assertListedOnce(names: readonly string[]): void {
  const problems = names
    .map((name, index) => ({
      path: `forRootAsync.services[${index}]`,
      message: `"${name}" is listed twice`,
      again: names.indexOf(name) !== index,
    }))
    .filter(({ again }) => again)
    .map(({ path, message }) => ({ path, message }));
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}

/**
 * The module with its clients. Nest reads both properties when it scans the modules, and that is after every file has
 * been loaded: only then is it known what every feature declares, and which of the names asked for nobody does.
 */
function withClients(
  module: DynamicModule,
  validated: FactoryProvider,
  clients: () => readonly FactoryProvider[],
): DynamicModule {
  let all: readonly FactoryProvider[] | undefined;
  const allClients = (): readonly FactoryProvider[] => (all ??= [...clients(), ...unknownClientProviders()]);
  return {
    ...module,
    get providers() {
      return [validated, ...allClients()];
    },
    get exports() {
      return allClients().map(({ provide }) => provide);
    },
  };
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
