import { serviceKey } from '../discovery/environment.js';

/** The injection token of the client of a service: for tests, or to provide a double. */
export function getBalancedClientToken(name?: string): string {
  return name === undefined ? 'BalancedClient' : `BalancedClient(${name})`;
}

/** What `forRoot()` or `forRootAsync()` was given, for `forFeature()` and the context. */
export const LB_ROOT_OPTIONS = Symbol('LB_ROOT_OPTIONS');

/** The service that a `forFeature()` of the application declares, by what a variable of the environment says of its name. */
export function featureServiceToken(name: string): string {
  return `LB_FEATURE_SERVICE(${serviceKey(name)})`;
}
