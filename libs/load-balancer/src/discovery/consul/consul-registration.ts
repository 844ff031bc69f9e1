import { endpointKey } from '../../cluster/endpoint.js';
import type { Registration } from '../registrar.js';
import type { ConsulRegistrationTarget } from './consul-target.js';

/** Consul's shortest. It forgets an instance whose check fails for so long, and lists it as critical until then. */
const DEREGISTER_AFTER = '1m';
/** Seconds from one connection of the agent's TCP check to the next, and for each. */
const TCP_INTERVAL = '5s';
const TCP_TIMEOUT = '2s';

/** A service definition, in the words of Consul's client. */
export interface ServiceDefinition {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: string[];
  readonly meta: Record<string, string>;
  readonly check: Readonly<Record<string, string>>;
}

/** What the agent is told of a provider. */
export function serviceDefinition(
  registration: Registration,
  target: ConsulRegistrationTarget,
): ServiceDefinition {
  const { host, port, weight, zone, priority, version, metadata } = registration;
  const name = target.service ?? registration.service;
  const labels = { zone, priority, weight, version };
  const published = Object.entries(labels).filter(([, value]) => value !== undefined);
  return {
    id: `${name}-${host}-${port}`,
    name,
    address: host,
    port,
    tags: [...target.tags],
    // The weight, too: the client has no way to say `Weights`, which must also be integers from 1.
    meta: { ...metadata, ...Object.fromEntries(published.map(([key, value]) => [key, String(value)])) },
    check: {
      ...checkOf(registration, target),
      // Until the first check says otherwise: who registers can be called.
      status: 'passing',
      deregistercriticalserviceafter: DEREGISTER_AFTER,
    },
  };
}

/** The id that the agent gives a service's only check. */
export function checkId(definition: ServiceDefinition): string {
  return `service:${definition.id}`;
}

function checkOf(
  registration: Registration,
  { check, ttl }: ConsulRegistrationTarget,
): Record<string, string> {
  return check === 'ttl'
    ? { ttl: `${ttl}ms` }
    : { tcp: endpointKey(registration), interval: TCP_INTERVAL, timeout: TCP_TIMEOUT };
}
