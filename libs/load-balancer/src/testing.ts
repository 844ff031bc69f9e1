/**
 * `nestjs-load-balancer/testing`: how a configuration fares when nodes are slow, stall, crash or are deployed, simulated in virtual
 * time with the library's own code.
 */
export { seededRandom } from './testing/seeded-random.js';
export { simulate } from './testing/simulation/simulate.js';
export type {
  CrashEvent,
  DeployEvent,
  EventAim,
  PartitionEvent,
  SimulatedCalls,
  SimulatedClients,
  SimulatedNetwork,
  SimulatedServers,
  SimulatedServiceOptions,
  SimulationEvent,
  SimulationOptions,
  SlowDownEvent,
  StallEvent,
} from './testing/simulation/simulation-options.js';
export type {
  MomentResult,
  Percentiles,
  ServerResult,
  SimulationResult,
} from './testing/simulation/simulation-result.js';
