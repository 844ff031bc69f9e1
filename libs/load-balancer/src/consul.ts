/**
 * Consul: `consul://host:port/service`. Needs the package `consul`. A target alone is enough to use it; what is here is for
 * options that are neither in the target nor in the environment.
 */
export type { ConsulOptions, ConsulTlsOptions } from './discovery/consul/consul-connection.js';
export { ConsulRegistrar } from './discovery/consul/consul.registrar.js';
export { ConsulResolver } from './discovery/consul/consul.resolver.js';
