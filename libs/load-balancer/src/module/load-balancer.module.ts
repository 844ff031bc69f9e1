import type { DynamicModule, FactoryProvider, InjectionToken } from '@nestjs/common';
import { Logger, Module } from '@nestjs/common';
import type { Environment } from '../discovery/environment.js';
import { environmentNames, readEnvironment } from '../discovery/environment.js';
import { InvalidOptionsError } from '../errors.js';
import type { ServiceNames } from './client-providers.js';
import { clientProviders, optionalFeatureService, unknownClientProviders } from './client-providers.js';
import { LoadBalancerCoreModule } from './load-balancer-core.module.js';
import { LoadBalancerFeatureServicesModule } from './load-balancer-feature-services.module.js';
import type { RootOptionsSource } from './load-balancer-root-options.module.js';
import { LoadBalancerRootOptionsModule } from './load-balancer-root-options.module.js';
import type {
  LoadBalancerModuleAsyncOptions,
  LoadBalancerModuleOptions,
  LoadBalancerOptionsFactory,
} from './options.js';
import { namesDeclared } from './service-names.js';
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
    // Whoever injects a client meets what is wrong with `isGlobal`, and not that there is no such client in his module.
    const global = isGlobal !== undefined && isGlobal !== false;
    return this.declare(namesOf(services), { useFactory: () => options }, global, false);
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
      useFactory: (root: unknown) =>
        validate(withServices(root, services), { env: process.env, declares: false }),
    };
    const given = namesOf(services);
    namesDeclared(given);
    const featureServices = LoadBalancerFeatureServicesModule.from(given, provider);
    return withProviders(
      { module: LoadBalancerModule, imports: [featureServices, LoadBalancerCoreModule] },
      () => ({ options: [], clients: clientsOf({ given, fromEnvironment: [] }, validated) }),
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
    namesDeclared(given);
    const validated = Symbol('LB_VALIDATED_OPTIONS');
    const rootOptions = LoadBalancerRootOptionsModule.from(source);
    return withProviders(
      { module: LoadBalancerModule, global, imports: [rootOptions, LoadBalancerCoreModule] },
      () => {
        const fromEnvironment = environmentNames(process.env, given).filter((name) => !given.includes(name));
        const provider: FactoryProvider<ValidatedModuleOptions> = {
          provide: validated,
          inject: [LB_ROOT_OPTIONS, ...fromEnvironment.map(optionalFeatureService)],
          useFactory: (options: unknown, ...ofFeatures: unknown[]) => {
            const own = fromEnvironment.filter((_, index) => ofFeatures[index] === undefined);
            return validateDeclared(options, [...given, ...own], late);
          },
        };
        return { options: [provider], clients: clientsOf({ given, fromEnvironment }, validated) };
      },
    );
  }
}

/** The environment without the variables that declare other services than these. */
function environmentOf(names: readonly string[]): Environment {
  const others = readEnvironment(process.env, names).targets.filter(
    ({ service }) => !names.includes(service),
  );
  const theirs = new Set(others.map(({ variable }) => variable));
  return Object.fromEntries(Object.entries(process.env).filter(([variable]) => !theirs.has(variable)));
}

/** The root's options for the services of a feature. What is wrong with the root's is for the validation to say. */
function withServices(root: unknown, services: unknown): unknown {
  return root === undefined || isObject(root) ? { ...root, services } : root;
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

function clientsOf(names: ServiceNames, validated: InjectionToken): FactoryProvider[] {
  return [...clientProviders(names, validated), ...unknownClientProviders(validated)];
}

/**
 * The module with its providers, the clients exported. Nest reads both properties at once when it scans the modules of an
 * application, and that is after every file has been loaded: only then is it known what the environment declares for this
 * application, and which of the names asked for nobody does.
 */
function withProviders(
  module: DynamicModule,
  make: () => { readonly options: readonly FactoryProvider[]; readonly clients: readonly FactoryProvider[] },
): DynamicModule {
  return {
    ...module,
    get providers() {
      const { options, clients } = make();
      return [...options, ...clients];
    },
    get exports() {
      return make().clients.map(({ provide }) => provide);
    },
  };
}
