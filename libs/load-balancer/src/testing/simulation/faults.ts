import type { Random } from './chance.js';
import { draw } from './chance.js';
import type { SimulatedServer } from './simulated-server.js';
import type { DeployEvent, SimulationEvent } from './simulation-options.js';
import type { VirtualTime } from './virtual-time.js';

const DEFAULT_DOWNTIME = 2_000;

/** Lets happen to the servers what the options say, to whom chance has it. */
export class Faults {
  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
    /** By the name of their group. */
    private readonly groups: ReadonlyMap<string, readonly SimulatedServer[]>,
  ) {}

  plan(event: SimulationEvent): void {
    const servers =
      event.of === undefined ? [...this.groups.values()].flat() : (this.groups.get(event.of) ?? []);
    if (event.type === 'deploy') {
      this.time.afterwards(event.at, () => this.deploy(event, servers));
      return;
    }
    const { at, every, count = 1 } = event;
    const strike = (): void => {
      if (every !== undefined) this.time.afterwards(every, strike);
      const victims = count === 'all' ? servers : draw(this.random, servers, count);
      for (const victim of victims) this.befall(victim, event);
    };
    this.time.afterwards(at, strike);
  }

  private befall(server: SimulatedServer, event: Exclude<SimulationEvent, DeployEvent>): void {
    switch (event.type) {
      case 'stall':
        server.stall(event.for);
        return;
      case 'partition':
        server.cutOff(event.for);
        return;
      case 'crash':
        server.crash(event.for);
        return;
      case 'slow-down':
        server.slowness *= event.factor;
        if (event.for !== undefined)
          this.time.afterwards(event.for, () => void (server.slowness /= event.factor));
    }
  }

  /** Each place in the row takes the next server once the last one is back. */
  private deploy(
    { atOnce = 1, downtime = DEFAULT_DOWNTIME }: DeployEvent,
    servers: readonly SimulatedServer[],
  ): void {
    const left = [...servers];
    const next = (): void => {
      const server = left.shift();
      server?.shutDown(downtime, () => this.time.afterwards(downtime, next));
    };
    for (let i = 0; i < atOnce; i++) next();
  }
}
