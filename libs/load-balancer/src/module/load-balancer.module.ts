import type { DynamicModule, FactoryProvider, InjectionToken } from '@nestjs/common';
import { Logger, Module } from '@nestjs/common';
import type { Environment } from '../discovery/environment.js';
import { environmentNames, readEnvironment } from '../discovery/environment.js';
import { InvalidOptionsError } from '../errors.js';
import { clientProviders, unknownClientProviders } from './client-providers.js';
import { LoadBalancerCoreModule } from './load-balancer-core.module.js';
import type { RootOptionsSource } from './load-balancer-root-options.module.js';
import { LoadBalancerRootOptionsModule } from './load-balancer-root-options.module.js';
import type {
  LoadBalancerAsyncResult,
  LoadBalancerModuleAsyncOptions,
  LoadBalancerModuleOptions,
  LoadBalancerOptionsFactory,
} from './options.js';
import { featureNames, featuresDeclared, namesDeclared } from './service-names.js';
import { LB_ROOT_OPTIONS } from './tokens.js';
import { validateAsyncOptions } from './validation/async-options.js';
import { isObject } from './validation/schema.js';
import type { ValidatedModuleOptions, ValidationSettings } from './validation/validate-module-options.js';
import { validateModuleOptions } from './validation/validate-module-options.js';

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
   * The app fails to start with an `InvalidOptionsError` that lists every problem with the options, and when this is
   * imported twice: further services are for `forFeature()` to declare.
   */
  static forRoot(options: LoadBalancerModuleOptions = {}): DynamicModule {
    // They are validated when the application starts, and may be anything until then.
    const { services, isGlobal } = isObject(options) ? options : {};
    return this.declare(namesOf(services), { useFactory: () => options }, isGlobal === true, false);
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
    const { services = [], isGlobal = false, ...factory } = validateAsyncOptions(options);
    return this.declare(services, optionsSource(factory), isGlobal, true);
  }

  /** Declares further services for one feature module; the root's `defaults`, `resolvers` and `strategies` hold for them. */
  static forFeature(services: NonNullable<LoadBalancerModuleOptions['services']>): DynamicModule {
    const validated = Symbol('LB_FEATURE_OPTIONS');
    const provider: FactoryProvider<ValidatedModuleOptions> = {
      provide: validated,
      inject: [{ token: LB_ROOT_OPTIONS, optional: true }],
      useFactory: (root?: LoadBalancerAsyncResult) =>
        validate({ ...root, services }, { env: process.env, declares: false }),
    };
    const names = namesOf(services);
    namesDeclared(names);
    featuresDeclared(names);
    return withClients({ module: LoadBalancerModule, imports: [LoadBalancerCoreModule] }, provider, () =>
      clientProviders(names, validated),
    );
  }

  /**
   * @param given the services that were named; those of the environment are added
   * @param late whether the options are made when the application starts
   */
  private static declare(
    given: readonly string[],
    source: RootOptionsSource,
    global: boolean,
    late: boolean,
  ): DynamicModule {
    namesDeclared(withEnvironment(given));
    // Which of the environment's are left for the root is known when every feature is.
    const names = (): string[] => withEnvironment(given);
    const validated = Symbol('LB_VALIDATED_OPTIONS');
    const provider: FactoryProvider<ValidatedModuleOptions> = {
      provide: validated,
      inject: [LB_ROOT_OPTIONS],
      useFactory: (options: unknown) => validateDeclared(options, names(), late),
    };
    const rootOptions = LoadBalancerRootOptionsModule.from(source);
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

function validate(options: unknown, settings: ValidationSettings): ValidatedModuleOptions {
  const validated = validateModuleOptions(options, settings);
  for (const warning of validated.warnings) new Logger(LoadBalancerModule.name).warn(warning);
  return validated;
}

/** A service that the factory returns but that was not named beforehand could never be injected. */
function validateDeclared(options: unknown, names: readonly string[], late: boolean): ValidatedModuleOptions {
  const validated = validate(options, { env: environmentOf(names), declares: true, late });
  const problems = [...validated.services.keys()]
    .filter((name) => !names.includes(name))
    .map((name) => ({
      path: `services.${name}`,
      message: `is not among the names given to forRootAsync({ services: [${names.map((each) => `'${each}'`).join(', ')}] })`,
    }));
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return validated;
}

/** Of `useFactory`, `useClass` and `useExisting` there is exactly one. */
function optionsSource({
  useFactory,
  useClass,
  useExisting,
  inject = [],
  imports = [],
}: LoadBalancerModuleAsyncOptions): RootOptionsSource {
  if (useFactory) return { useFactory, inject, imports };
  const token = useClass ?? (useExisting as InjectionToken<LoadBalancerOptionsFactory>);
  return {
    useFactory: (factory: LoadBalancerOptionsFactory) => factory.createLoadBalancerOptions(),
    inject: [token],
    imports,
    providers: useClass ? [useClass] : [],
  };
}

/** The names of services, which have not been validated. */
function namesOf(services: unknown): string[] {
  return isObject(services) ? Object.keys(services) : [];
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
