import type { FactoryProvider, InjectionToken, OptionalFactoryDependency } from '@nestjs/common';
import { Scope } from '@nestjs/common';
import { INQUIRER } from '@nestjs/core';
import { BalancedClientProxy } from '../client/balanced-client-proxy.js';
import { LoadBalancerRegistry } from '../client/registry.js';
import { InvalidOptionsError } from '../errors.js';
import { declaredNames, undeclaredNames } from './service-names.js';
import { featureServiceToken, getBalancedClientToken } from './tokens.js';
import { didYouMean } from '../nearest.js';
import type { ValidatedModuleOptions, ValidatedService } from './validation/validate-module-options.js';

/** The names of the services that one module declares, as far as they are known when Nest reads its providers. */
export interface ServiceNames {
  /** Those that `forRoot()`, `forRootAsync()` or `forFeature()` was given. */
  readonly given: readonly string[];
  /** Those that only the environment declares; a feature of the application may claim one of them. */
  readonly fromEnvironment: readonly string[];
}

/** By the settings they were made of, which each application has of its own: the same settings mean the same client. */
const clients = new WeakMap<ValidatedService, BalancedClientProxy>();

/**
 * The client of each service by its name, and the one without a name.
 *
 * @param validated the token of the module's options
 */
export function clientProviders(names: ServiceNames, validated: InjectionToken): FactoryProvider[] {
  return [
    ...names.given.map((name) => clientProvider(name, validated)),
    ...names.fromEnvironment.map((name) => environmentClientProvider(name, validated)),
    defaultClientProvider([...names.given, ...names.fromEnvironment], validated),
  ];
}

/** What a feature declares of a service, or `undefined` in applications where none does. */
export function optionalFeatureService(name: string): OptionalFactoryDependency {
  return { token: featureServiceToken(name), optional: true };
}

function clientProvider(name: string, validated: InjectionToken): FactoryProvider<BalancedClientProxy> {
  return {
    provide: getBalancedClientToken(name),
    inject: [validated, LoadBalancerRegistry],
    useFactory: ({ services }: ValidatedModuleOptions, registry: LoadBalancerRegistry) => {
      const service = services.get(name);
      if (!service) throw notReturned(name, [...services.keys()]);
      return clientOf(service, registry);
    },
  };
}

/**
 * A variable of the environment that means the service of a feature overrides its target there. Whether there is such a
 * feature shows when the application is put together, and the provider must be there before: it is the feature's client
 * then, so that whoever sees both modules gets the same from either.
 */
function environmentClientProvider(
  name: string,
  validated: InjectionToken,
): FactoryProvider<BalancedClientProxy> {
  return {
    provide: getBalancedClientToken(name),
    inject: [validated, LoadBalancerRegistry, optionalFeatureService(name)],
    useFactory: (
      { services }: ValidatedModuleOptions,
      registry: LoadBalancerRegistry,
      ofFeature: ValidatedService | undefined,
    ) => {
      const service = ofFeature ?? services.get(name);
      if (!service) throw notReturned(name, [...services.keys()]);
      return clientOf(service, registry);
    },
  };
}

function clientOf(service: ValidatedService, registry: LoadBalancerRegistry): BalancedClientProxy {
  const made = clients.get(service);
  if (made) return made;
  const client = new BalancedClientProxy(service);
  registry.add(client);
  clients.set(service, client);
  return client;
}

/**
 * The client without a name. Where it is not clear which one is meant, that is an error of whoever injects it; the
 * provider is transient then, because Nest makes those only when somebody does.
 */
function defaultClientProvider(
  names: readonly string[],
  validated: InjectionToken,
): FactoryProvider<BalancedClientProxy> {
  const provide = getBalancedClientToken();
  const name = names.includes('default') ? 'default' : names.length === 1 ? names[0] : undefined;
  if (name !== undefined) {
    const inject = [getBalancedClientToken(name)];
    return { provide, inject, useFactory: (client: BalancedClientProxy) => client };
  }
  return {
    provide,
    scope: Scope.TRANSIENT,
    inject: [INQUIRER, validated, ...names.map((each) => getBalancedClientToken(each))],
    useFactory: (inquirer: unknown, { services }: ValidatedModuleOptions, ...all: BalancedClientProxy[]) => {
      // Without those that turned out to belong to features.
      const own = [...services.keys()];
      const only = own.length === 1 ? all[names.indexOf(own[0] ?? '')] : undefined;
      if (only) return only;
      const message =
        own.length === 0
          ? 'no service is declared; give forRoot() one, or set LB_TARGET_<NAME>'
          : `there are several services (${own.join(', ')}) and none is named "default"; name one`;
      throw new InvalidOptionsError([{ path: `@BalancedClient() in ${nameOf(inquirer)}`, message }]);
    },
  };
}

/**
 * A clear message for each name that some class injects and that nobody has declared by now: most likely a slip. To be
 * called when every file has been loaded, since a module that comes later may declare the name.
 *
 * @param validated the token of the module's options; what is wrong with those is told first, since it may be the reason
 */
export function unknownClientProviders(validated: InjectionToken): FactoryProvider<never>[] {
  return undeclaredNames().map((name) => ({
    provide: getBalancedClientToken(name),
    scope: Scope.TRANSIENT,
    inject: [INQUIRER, validated],
    useFactory: (inquirer: unknown) => {
      throw unknownService(name, declaredNames(), `@BalancedClient('${name}') in ${nameOf(inquirer)}`);
    },
  }));
}

/** Only `forRootAsync()` names services before it knows them. */
function notReturned(name: string, returned: readonly string[]): InvalidOptionsError {
  const message =
    `named in forRootAsync({ services }), but its options do not have it; ` +
    `they have ${returned.join(', ') || 'none'}${didYouMean(name, returned)}`;
  return new InvalidOptionsError([{ path: `services.${name}`, message }]);
}

function unknownService(name: string, known: readonly string[], path: string): InvalidOptionsError {
  const names = known.length === 0 ? 'none is declared' : `known are ${known.join(', ')}`;
  return new InvalidOptionsError([
    { path, message: `there is no service "${name}"; ${names}${didYouMean(name, known)}` },
  ]);
}

function nameOf(inquirer: unknown): string {
  return typeof inquirer === 'object' && inquirer !== null ? inquirer.constructor.name : 'a provider';
}
