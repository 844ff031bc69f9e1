import type { ServiceOptions } from '../../module/options.js';
import type { ServerLimitsOptions } from '../../server/balanced-tcp-server-options.js';

/**
 * What is simulated: who calls whom, how often, by which options, and what goes wrong meanwhile. All times are milliseconds of
 * virtual time.
 */
export interface SimulationOptions {
  /** What chance begins with, an integer ≥ 0: the same options with the same seed give the same result. 1 by default. */
  seed?: number;
  /** How long calls arrive; 60 000 by default. What is unfinished then counts with its age. */
  duration?: number;
  /** Calls that arrive before this are not measured; a sixth of the duration by default. */
  warmUp?: number;
  /** The servers of the one service that is called. */
  servers: readonly SimulatedServers[];
  /** How many processes call it, or groups of them; 4 by default. They share nothing. */
  clients?: number | readonly SimulatedClients[];
  /**
   * Calls as a share of what all servers together can serve at the start: 0.7 keeps them busy for 70 % of their time. They
   * arrive at random (a Poisson process), each at a random client. Either this or `callsPerSecond`.
   */
  load?: number;
  /** Calls a second, of all clients together. */
  callsPerSecond?: number;
  /** What the calls are like. */
  call?: SimulatedCalls;
  /** The options of the service that the clients use: those of `forRoot()`, validated likewise. */
  service?: SimulatedServiceOptions;
  /** How long a message takes each way; 0.25 by default. */
  network?: number | SimulatedNetwork;
  /** What happens to the servers meanwhile. */
  events?: readonly SimulationEvent[];
}

/**
 * Options of a service but for those that only have to do with sockets, messages and reports. With a `subset`, each client has
 * one of its own.
 */
export type SimulatedServiceOptions = Omit<
  ServiceOptions,
  | 'target'
  | 'tls'
  | 'transport'
  | 'context'
  | 'interceptors'
  | 'minReady'
  | 'hashKey'
  | 'explainErrors'
  | 'dryRun'
>;

/** Some equal servers. */
export interface SimulatedServers {
  /** Letters, digits and dashes: `fast` makes `fast-1`, `fast-2` and so on; `server` by default. */
  name?: string;
  /** 1 by default. */
  count?: number;
  /** Mean time that a request takes a worker, above 0. */
  serviceTime: number;
  /** How service times are spread: `exponential` (the default) or all the same, `constant`. */
  distribution?: 'exponential' | 'constant';
  /** What `serviceTime` is multiplied with, above 0: 10 for servers that are ten times slower; 1 by default. */
  slower?: number;
  /** Requests that a server works on at once, at least 1; the others wait in line. 1 by default. */
  workers?: number;
  /** Where they stand. */
  zone?: string;
  /** 0, the default, is the highest. */
  priority?: number;
  /** 1 by default. */
  weight?: number;
  /** Plain Nest providers, that report no load, do not drain and refuse nothing; `false` by default: `BalancedTcpServer`s. */
  stock?: boolean;
  /** What a server takes on at once, as `BalancedTcpServer` does; no limit by default. Not for stock ones. */
  limits?: Pick<ServerLimitsOptions, 'maxInFlight' | 'adaptive'>;
}

/** Some equal clients. */
export interface SimulatedClients {
  /** 1 by default. */
  count?: number;
  /** Where they stand, as `LB_ZONE` says in production: with `locality: { zone: false }` only the network goes by it. */
  zone?: string;
  /** Options of their own over those of `service`. */
  service?: SimulatedServiceOptions;
}

export interface SimulatedCalls {
  /** What `service.patterns` goes by, as it is written there; `simulated` by default. */
  pattern?: string;
  /** May a call be processed twice? Only such calls are retried and hedged. `false` by default. */
  idempotent?: boolean;
  /** How many different hash keys they have, all as likely; none by default. For `ring-hash` and `maglev`. */
  hashKeys?: number;
}

export interface SimulatedNetwork {
  /** Each way between a client and a server of the same zone; 0.25 by default. */
  sameZone?: number;
  /** Each way otherwise; as within a zone by default. */
  otherZone?: number;
}

/** Something that happens to servers. */
export type SimulationEvent = StallEvent | PartitionEvent | CrashEvent | SlowDownEvent | DeployEvent;

/** Whom it happens to, and when. */
export interface EventAim {
  /** When it happens first, before the end. */
  at: number;
  /** How often from then on; once by default. */
  every?: number;
  /** The name of the group that it happens to; any server by default. */
  of?: string;
  /** To how many of them at once, drawn anew each time, or to `all`; 1 by default. */
  count?: number | 'all';
}

/** Servers do nothing at all: a process that hangs, a garbage collection, a machine that swaps. */
export interface StallEvent extends EventAim {
  type: 'stall';
  /** How long. */
  for: number;
}

/** Nothing goes to or comes from a server; then all of it does. */
export interface PartitionEvent extends EventAim {
  type: 'partition';
  /** How long. */
  for: number;
}

/** A process ends without notice. */
export interface CrashEvent extends EventAim {
  type: 'crash';
  /** After which time it is there again; never by default. */
  for?: number;
}

/** Servers take longer for what they begin. */
export interface SlowDownEvent extends EventAim {
  type: 'slow-down';
  /** What service times are multiplied with, above 0. */
  factor: number;
  /** How long; for good by default. */
  for?: number;
}

/**
 * Servers are stopped and started again one after the other: each drains first, unless it is a stock one. One that has crashed
 * for longer stays away.
 */
export interface DeployEvent {
  type: 'deploy';
  /** When it begins, before the end. */
  at: number;
  /** The name of the group; all servers by default. */
  of?: string;
  /** How many at once; 1 by default. */
  atOnce?: number;
  /** How long a server is away; 2 000 by default. */
  downtime?: number;
}
