import type { FactoryProvider, InjectionToken } from '@nestjs/common';
import { Scope } from '@nestjs/common';
import { INQUIRER } from '@nestjs/core';
import { BalancedClientProxy } from '../client/balanced-client-proxy.js';
import { LoadBalancerRegistry } from '../client/registry.js';
import { InvalidOptionsError } from '../errors.js';
import { declaredNames, undeclaredNames } from './service-names.js';
import { getBalancedClientToken } from './tokens.js';
import { didYouMean } from '../nearest.js';
import type { ValidatedModuleOptions } from './validation/validate-module-options.js';

/** The client of each service by its name, and the one without a name. */
export function clientProviders(names: readonly string[], validated: InjectionToken): FactoryProvider[] {
  return [...names.map((name) => clientProvider(name, validated)), defaultClientProvider(names)];
}

function clientProvider(name: string, validated: InjectionToken): FactoryProvider<BalancedClientProxy> {
  return {
    provide: getBalancedClientToken(name),
    inject: [validated, LoadBalancerRegistry],
    useFactory: ({ services }: ValidatedModuleOptions, registry: LoadBalancerRegistry) => {
      const settings = services.get(name);
      if (!settings) throw notReturned(name, [...services.keys()]);
      const client = new BalancedClientProxy(settings);
      registry.add(client);
      return client;
    },
  };
}

/**
 * The client without a name. Where it is not clear which one is meant, that is an error of whoever injects it; the
 * provider is transient then, because Nest makes those only when somebody does.
 */
function defaultClientProvider(names: readonly string[]): FactoryProvider<BalancedClientProxy> {
  const provide = getBalancedClientToken();
  const name = names.includes('default') ? 'default' : names.length === 1 ? names[0] : undefined;
  if (name !== undefined) {
    const inject = [getBalancedClientToken(name)];
    return { provide, inject, useFactory: (client: BalancedClientProxy) => client };
  }
  return {
    provide,
    scope: Scope.TRANSIENT,
    inject: [INQUIRER],
    useFactory: (inquirer: unknown) => {
      const message =
        names.length === 0
          ? 'no service is declared; give forRoot() one, or set LB_TARGET_<NAME>'
          : `there are several services (${names.join(', ')}) and none is named "default"; name one`;
      throw new InvalidOptionsError([{ path: `@BalancedClient() in ${nameOf(inquirer)}`, message }]);
    },
  };
}

/**
 * A clear message for each name that some class injects and that nobody has declared by now: most likely a slip. To be
 * called when every file has been loaded, since a module that comes later may declare the name.
 */
export function unknownClientProviders(): FactoryProvider<never>[] {
  return undeclaredNames().map((name) => ({
    provide: getBalancedClientToken(name),
    scope: Scope.TRANSIENT,
    inject: [INQUIRER],
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
