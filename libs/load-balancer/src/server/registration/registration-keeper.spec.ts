import { describe, expect, it } from '@jest/globals';
import {
  RegistrationRefusedError,
  type Registrar,
  type Registration,
  type RegistrationLease,
} from '../../discovery/registrar.js';
import { RegistrationKeeper } from './registration-keeper.js';

const TARGET = {
  uri: 'fake://***@h/orders',
  scheme: 'fake',
  authority: 'u:s3cret@h',
  path: 'orders',
  params: {},
};

/** A registry, a clock and a log under the test's control. */
class World {
  now = 0;
  readonly log: string[] = [];
  /** What each try does; the last one is repeated. */
  readonly outcomes: (() => Promise<RegistrationLease>)[];
  tries: number[] = [];
  lose: ((reason: string) => void) | undefined;
  private readonly timers = new Set<{ at: number; callback: () => void }>();
  readonly keeper: RegistrationKeeper;

  constructor(...outcomes: (() => Promise<RegistrationLease>)[]) {
    this.outcomes = outcomes;
    const registrar: Registrar = {
      schemes: ['fake'],
      register: (_registration, _target, onLost) => {
        this.tries.push(this.now);
        this.lose = onLost;
        const outcome = this.outcomes.length > 1 ? this.outcomes.shift() : this.outcomes[0];
        return (outcome as () => Promise<RegistrationLease>)();
      },
    };
    const registration: Registration = { service: 'orders', host: '10.0.0.1', port: 4_001 };
    this.keeper = new RegistrationKeeper(
      'orders',
      { target: TARGET, registrar },
      {
        describe: () => Promise.resolve(registration),
        logger: {
          log: (text) => this.log.push(`log ${text}`),
          warn: (text) => this.log.push(`warn ${text}`),
        },
        random: () => 0.5,
        now: () => this.now,
        wall: () => this.now,
        schedule: (callback, delay) => {
          const timer = { at: this.now + delay, callback };
          this.timers.add(timer);
          return () => this.timers.delete(timer);
        },
      },
    );
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    for (;;) {
      await this.settle();
      const next = [...this.timers].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.timers.delete(next);
      this.now = next.at;
      next.callback();
    }
    this.now = end;
  }
}

const works = (): Promise<RegistrationLease> => Promise.resolve({ deregister: () => Promise.resolve() });
const fails = (reason: string) => (): Promise<RegistrationLease> => Promise.reject(new Error(reason));
const refuses = (reason: string) => (): Promise<RegistrationLease> =>
  Promise.reject(new RegistrationRefusedError(reason));

describe('a registration', () => {
  it('is made, shown, and taken off again', async () => {
    const world = new World(works);
    expect(world.keeper.snapshot()).toMatchObject({ state: 'registering', hasBeenRegistered: false });
    world.keeper.start();
    await world.settle();
    expect(world.keeper.snapshot()).toMatchObject({
      service: 'orders',
      target: TARGET.uri,
      state: 'registered',
      address: '10.0.0.1:4001',
      error: undefined,
      hasBeenRegistered: true,
    });
    await world.keeper.stop();
    expect(world.keeper.snapshot().state).toBe('leaving');
    expect(world.log).toEqual([
      'log Registered orders at 10.0.0.1:4001 in fake://***@h/orders',
      'log Deregistered orders from fake://***@h/orders',
    ]);
  });

  it('is tried with back-off up to two seconds while the registry is away, and warned of once', async () => {
    const world = new World(fails('connect ECONNREFUSED, u:s3cret'));
    world.keeper.start();
    await world.advance(20_000);
    expect(world.tries.slice(0, 5)).toEqual([0, 500, 1_300, 2_580, 4_580]);
    expect(world.log).toEqual([
      'warn orders cannot be registered in fake://***@h/orders: connect ECONNREFUSED, ***',
    ]);
    expect(world.keeper.snapshot()).toMatchObject({ state: 'registering', hasBeenRegistered: false });
    world.outcomes.splice(0, 1, works);
    await world.advance(2_000);
    expect(world.keeper.snapshot().state).toBe('registered');
  });

  it('is tried ever more rarely, up to half a minute, while the registry refuses it, and warned of once', async () => {
    const world = new World(refuses('permission denied'));
    world.keeper.start();
    await world.advance(600_000);
    expect(world.tries.slice(0, 7)).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000]);
    // Ten minutes of every half a minute.
    expect(world.tries).toHaveLength(5 + Math.floor((600_000 - 31_000) / 30_000) + 1);
    expect(world.log).toEqual(['warn orders cannot be registered in fake://***@h/orders: permission denied']);
  });

  it('is tried as quickly as ever when the registry goes away that has refused it, and comes back', async () => {
    const world = new World(
      ...Array.from({ length: 5 }, () => refuses('permission denied')),
      fails('away'),
      refuses('permission denied'),
      works,
    );
    world.keeper.start();
    await world.advance(60_000);
    expect(world.tries).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 31_500, 32_500]);
    expect(world.log.map((line) => line.split(': ').at(-1))).toEqual([
      'permission denied',
      'away',
      'log Registered orders at 10.0.0.1:4001 in fake://***@h/orders',
    ]);
  });

  it('is made anew at once when it is lost, and keeps counting as one that has been made', async () => {
    const world = new World(works, fails('away'), works);
    world.keeper.start();
    await world.advance(60_000);
    world.lose?.('its lease has run out');
    await world.settle();
    expect(world.keeper.snapshot()).toMatchObject({ state: 'lost', hasBeenRegistered: true });
    await world.advance(1_000);
    expect(world.keeper.snapshot().state).toBe('registered');
    expect(world.tries).toEqual([0, 60_000, 60_500]);
  });

  it('is backed off from when it is lost again and again', async () => {
    const world = new World(works);
    world.keeper.start();
    for (let times = 0; times < 3; times++) {
      await world.settle();
      world.lose?.('gone');
      await world.advance(3_000);
    }
    expect(world.tries).toEqual([0, 500, 3_800, 7_280]);
    expect(world.log).toEqual([
      'log Registered orders at 10.0.0.1:4001 in fake://***@h/orders',
      'warn The registration of orders in fake://***@h/orders is lost: gone',
      'log Registered orders at 10.0.0.1:4001 in fake://***@h/orders',
    ]);
  });

  it('is heard of as lost even before its lease was handed out', async () => {
    const world: World = new World(() => {
      world.lose?.('gone before it began');
      return works();
    }, works);
    world.keeper.start();
    await world.advance(1_000);
    expect(world.log.filter((line) => line.includes('gone before it began'))).toHaveLength(1);
    expect(world.keeper.snapshot().state).toBe('registered');
  });

  it('that comes about after it was given up is taken off again', async () => {
    let deregistered = 0;
    let registered: (lease: RegistrationLease) => void = () => undefined;
    const world = new World(() => new Promise((resolve) => (registered = resolve)));
    world.keeper.start();
    await world.settle();
    const stopping = world.keeper.stop();
    registered({
      deregister: () => {
        deregistered++;
        return Promise.resolve();
      },
    });
    await stopping;
    expect(deregistered).toBe(1);
    expect(world.keeper.snapshot().state).toBe('leaving');
  });

  it('does not hold up a stop for more than two seconds', async () => {
    const world = new World(() => Promise.resolve({ deregister: () => new Promise<void>(() => undefined) }));
    world.keeper.start();
    await world.settle();
    let stopped = false;
    const stopping = world.keeper.stop().then(() => (stopped = true));
    await world.advance(1_999);
    expect(stopped).toBe(false);
    await world.advance(1);
    await stopping;
    expect(world.log.at(-1)).toContain('could not be deregistered from fake://***@h/orders');
  });

  it('is not tried any more once it is stopped', async () => {
    const world = new World(fails('away'));
    world.keeper.start();
    await world.advance(100);
    await world.keeper.stop();
    await world.advance(60_000);
    expect(world.tries).toEqual([0]);
  });
});
