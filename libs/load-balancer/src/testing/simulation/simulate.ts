import type { Endpoint } from '../../cluster/endpoint.js';
import { endpointKey, resolveEndpoint, type ResolvedEndpoint } from '../../cluster/endpoint.js';
import { chooseSubset } from '../../cluster/locality/subset.js';
import { Deadlines } from '../../context/deadlines.js';
import type { ResolvedServiceOptions } from '../../module/options.js';
import type { Random } from './chance.js';
import { chanceOf, exponential } from './chance.js';
import { Faults } from './faults.js';
import { Measurements } from './measurements.js';
import { SimulatedCall } from './simulated-call.js';
import { SimulatedClient } from './simulated-client.js';
import { SimulatedServer } from './simulated-server.js';
import { SimulatedTransport } from './simulated-transport.js';
import type { SimulationOptions } from './simulation-options.js';
import type { SimulationPlan } from './simulation-plan.js';
import { planSimulation } from './simulation-plan.js';
import type { SimulationResult } from './simulation-result.js';
import { VirtualTime } from './virtual-time.js';

/** The port of every simulated server: they differ in their names. */
const PORT = 4_000;
/** Steps in which progress is told. */
const STEPS = 100;

/**
 * Lets clients with these options call a simulated service, in virtual time, and tells how it went. What chooses, ejects,
 * probes, retries, hedges, limits and reconnects is the library's own code; the servers, the network and the clock are
 * simulated. A minute of a small cluster takes about a second, and the same seed always gives the same result.
 *
 * Runs to its end before it returns.
 *
 * @param onProgress told now and then which share (0–1) of the time has passed
 * @throws InvalidOptionsError with every problem at once
 *
 * @example
 * ```ts
 * import { simulate } from 'nestjs-load-balancer/testing';
 *
 * it('survives one slow node', () => {
 *   const result = simulate({
 *     duration: 20_000,
 *     servers: [
 *       { name: 'fast', count: 9, serviceTime: 10 },
 *       { name: 'slow', serviceTime: 10, slower: 10 },
 *     ],
 *     load: 0.7,
 *     service: { strategy: 'least-loaded', timeout: 1_000 }, // what the application gives to forRoot()
 *   });
 *   expect(result.failed).toBe(0);
 *   expect(result.latency.p99).toBeLessThan(150);
 * });
 * ```
 */
export function simulate(options: SimulationOptions, onProgress?: (share: number) => void): SimulationResult {
  return new Simulation(planSimulation(options)).run(onProgress);
}

interface ServerOfService {
  readonly server: SimulatedServer;
  readonly endpoint: Endpoint;
  readonly drawWork: () => number;
}

class Simulation {
  private readonly time = new VirtualTime();
  private readonly deadlines: Deadlines;
  private readonly measurements: Measurements;
  private readonly nextChance: () => Random;
  private readonly arrivals: Random;
  private readonly faults: Faults;
  private readonly servers = new Map<string, ServerOfService>();
  private readonly clients: SimulatedClient[] = [];

  constructor(private readonly plan: SimulationPlan) {
    this.nextChance = chanceOf(plan.seed);
    this.arrivals = this.nextChance();
    const chanceOfFaults = this.nextChance();
    this.deadlines = new Deadlines(this.time.source(this.nextChance()));
    this.measurements = new Measurements(plan.warmUp, this.time.now, plan.warnings);
    this.faults = new Faults(this.time, chanceOfFaults, this.openServers());
    this.openClients();
  }

  run(onProgress: ((share: number) => void) | undefined): SimulationResult {
    const { plan, time } = this;
    for (const event of plan.events) this.faults.plan(event);
    for (const client of this.clients) client.start();
    time.afterwards(plan.warmUp, () => {
      for (const { server } of this.servers.values()) server.startMeasuring();
    });
    this.awaitCall();
    for (let step = 1; step <= STEPS; step++) {
      time.run((plan.duration * step) / STEPS);
      onProgress?.(step / STEPS);
    }
    return this.measurements.result(
      [...this.servers.values()].map(({ server }) => server),
      plan.duration,
    );
  }

  private openServers(): Map<string, SimulatedServer[]> {
    const work = this.nextChance();
    const groups = new Map<string, SimulatedServer[]>();
    for (const { name: group, count, distribution, endpoint, settings } of this.plan.servers) {
      const drawWork = distribution === 'constant' ? () => 1 : () => exponential(work, 1);
      const servers = Array.from({ length: count }, (_, i) => {
        const name = `${group}-${i + 1}`;
        const server = new SimulatedServer({ ...settings, name }, this.time, work);
        const at = { host: name, port: PORT, ...endpoint };
        this.servers.set(endpointKey(at), { server, endpoint: at, drawWork });
        return server;
      });
      groups.set(group, servers);
    }
    return groups;
  }

  private openClients(): void {
    const endpoints = new Map(
      [...this.servers.values()].map(({ endpoint }) => [resolveEndpoint(endpoint), endpoint]),
    );
    for (const { count, zone, options } of this.plan.clients) {
      for (let i = 0; i < count; i++) this.clients.push(this.openClient(endpoints, zone, options));
    }
  }

  private openClient(
    endpoints: ReadonlyMap<ResolvedEndpoint, Endpoint>,
    zone: string | undefined,
    options: ResolvedServiceOptions,
  ): SimulatedClient {
    const { time, plan } = this;
    const clientId = `client ${this.clients.length} of seed ${plan.seed}`;
    const subset = options.subset && { ...options.subset, clientId };
    const all = [...endpoints.keys()];
    // The client would choose the same of all of them; so not every client of a large service has to keep them all.
    const chosen = subset === false ? all : chooseSubset(all, subset);
    return new SimulatedClient(
      {
        options: { ...options, subset },
        endpoints: chosen.map((node) => endpoints.get(node) as Endpoint),
        onEvent: this.measurements.onEvent,
        onLog: this.measurements.onLog,
        openTransport: ({ host, port, connectTimeout }, listener) => {
          const found = this.servers.get(endpointKey({ host, port }));
          if (found === undefined) throw new Error(`there is no server ${host}`);
          const { server, drawWork } = found;
          const near = zone === server.settings.zone;
          const latency = near ? plan.network.sameZone : plan.network.otherZone;
          return new SimulatedTransport({ time, server, latency, connectTimeout, drawWork }, listener);
        },
      },
      time,
      this.deadlines,
      this.nextChance(),
    );
  }

  /** Each call brings the next one with it. */
  private awaitCall(): void {
    const pause = exponential(this.arrivals, 1_000 / this.plan.callsPerSecond);
    this.time.afterwards(pause, () => {
      this.awaitCall();
      this.makeCall();
    });
  }

  private makeCall(): void {
    const { arrivals, clients, plan } = this;
    const client = clients[Math.floor(arrivals() * clients.length)] as SimulatedClient;
    const { pattern, hashKeys, options } = plan.call;
    const call = new SimulatedCall(this.time.now(), this.measurements);
    this.measurements.began(call);
    client.call(
      call,
      pattern,
      hashKeys === undefined ? options : { ...options, hashKey: `key-${Math.floor(arrivals() * hashKeys)}` },
    );
  }
}
