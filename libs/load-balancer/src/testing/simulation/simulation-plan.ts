import type { CallOptions } from '../../client/call-options.js';
import type { Endpoint } from '../../cluster/endpoint.js';
import type { ResolvedServiceOptions } from '../../module/options.js';
import type { SimulatedServerSettings } from './simulated-server.js';
import type { SimulatedServers, SimulationEvent, SimulationOptions } from './simulation-options.js';
import { DEFAULT_DURATION, DEFAULT_PATTERN, validateSimulation } from './validate-simulation.js';

/** A simulation, validated and with every default filled in. */
export interface SimulationPlan {
  readonly seed: number;
  readonly duration: number;
  readonly warmUp: number;
  readonly callsPerSecond: number;
  readonly servers: readonly ServerGroup[];
  readonly clients: readonly ClientGroup[];
  readonly network: { readonly sameZone: number; readonly otherZone: number };
  readonly call: {
    readonly pattern: string;
    readonly hashKeys: number | undefined;
    readonly options: Readonly<CallOptions>;
  };
  readonly events: readonly SimulationEvent[];
  readonly warnings: readonly string[];
}

interface ServerGroup {
  readonly name: string;
  readonly count: number;
  readonly distribution: 'exponential' | 'constant';
  readonly endpoint: Omit<Endpoint, 'host' | 'port'>;
  readonly settings: Omit<SimulatedServerSettings, 'name'>;
}

interface ClientGroup {
  readonly count: number;
  /** Where they stand. */
  readonly zone: string | undefined;
  readonly options: ResolvedServiceOptions;
}

const DEFAULT_LATENCY = 0.25;

/** @throws InvalidOptionsError with every problem at once */
export function planSimulation(input: SimulationOptions): SimulationPlan {
  const { options, groups, services, warnings } = validateSimulation(input);
  const { seed = 1, duration = DEFAULT_DURATION, warmUp = duration / 6, network = {}, call = {} } = options;
  const servers = options.servers.map((group) => serverGroup(group));
  const { sameZone = DEFAULT_LATENCY, otherZone = sameZone } =
    typeof network === 'number' ? { sameZone: network } : network;
  return {
    seed,
    duration,
    warmUp,
    callsPerSecond: options.callsPerSecond ?? (options.load ?? 0) * capacity(servers),
    servers,
    clients: groups.map(({ count = 1, zone }, i) => {
      const service = services[i] as ResolvedServiceOptions;
      return { count, zone: zone ?? service.locality.zone, options: service };
    }),
    network: { sameZone, otherZone },
    call: {
      pattern: call.pattern ?? DEFAULT_PATTERN,
      hashKeys: call.hashKeys,
      options: { ...(call.idempotent !== undefined && { idempotent: call.idempotent }) },
    },
    events: options.events ?? [],
    warnings,
  };
}

function serverGroup(group: SimulatedServers): ServerGroup {
  const { name = 'server', count = 1, serviceTime, slower = 1, distribution = 'exponential' } = group;
  const { workers = 1, stock = false, limits, zone, priority, weight } = group;
  return {
    name,
    count,
    distribution,
    endpoint: {
      ...(zone !== undefined && { zone }),
      ...(priority !== undefined && { priority }),
      ...(weight !== undefined && { weight }),
    },
    settings: { zone, serviceTime: serviceTime * slower, workers, stock, limits },
  };
}

/** Requests a second that all servers together can serve. */
function capacity(servers: readonly ServerGroup[]): number {
  return servers.reduce(
    (sum, { count, settings }) => sum + (count * settings.workers * 1_000) / settings.serviceTime,
    0,
  );
}
