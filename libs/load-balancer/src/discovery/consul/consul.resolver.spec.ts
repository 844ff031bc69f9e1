import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Subscription } from 'rxjs';
import { parseTarget } from '../target.js';
import { AgentDouble } from './agent-double.spec.fixture.js';
import { ConsulResolver } from './consul.resolver.js';

let agent: AgentDouble;
let subscription: Subscription | undefined;
let emitted: unknown[];
/** How long it wanted to pause, each time; nobody waits for it here. */
let pauses: number[];
const sleep = (milliseconds: number) => {
  pauses.push(milliseconds);
  return Promise.resolve();
};

beforeEach(async () => {
  agent = await AgentDouble.listen();
  emitted = [];
  pauses = [];
});

afterEach(async () => {
  subscription?.unsubscribe();
  await agent.close();
});

function watch(query = '', resolver = new ConsulResolver({ tls: false }, sleep)): void {
  const target = parseTarget(`consul://127.0.0.1:${agent.port}/orders${query}`);
  if (!target.ok) throw new Error(target.problem);
  subscription = resolver.watch(target.value).subscribe({
    next: (value) => emitted.push(value),
    error: (error: unknown) => emitted.push(error),
    complete: () => emitted.push('completed'),
  });
}

function instances(...ports: number[]) {
  return ports.map((Port) => ({ Service: { Address: '10.0.0.1', Port }, Checks: [] }));
}

/** What a set looks like, or the failure. */
const told = () =>
  emitted.map((value) =>
    Array.isArray(value)
      ? value.map(({ port }: { port: number }) => port)
      : (value as { failure: string }).failure,
  );

describe('ConsulResolver', () => {
  it('asks at once, then waits for what is newer', async () => {
    watch('?tag=v2,eu&dc=dc2&near=_agent&wait=10000&token=t');
    const first = await agent.next();
    expect(first).toMatchObject({
      path: '/v1/health/service/orders',
      query: { dc: 'dc2', near: '_agent' },
      token: 't',
    });
    expect(new URL(first.response.req.url ?? '', 'http://x').searchParams.getAll('tag')).toEqual([
      'v2',
      'eu',
    ]);
    first.answer(instances(1), 7);

    const second = await agent.next();
    expect(second.query.index).toBe('7');
    // Up to a fifth less than it might.
    expect(Number.parseInt(second.query.wait ?? '')).toBeGreaterThanOrEqual(8_000);
    expect(Number.parseInt(second.query.wait ?? '')).toBeLessThanOrEqual(10_000);
    expect(told()).toEqual([[1]]);
    second.answer(instances(1, 2), 9);
    expect((await agent.next()).query.index).toBe('9');
    expect(told()).toEqual([[1], [1, 2]]);
  });

  it('tells the set again when a query has waited for nothing: it is still in contact', async () => {
    watch();
    (await agent.next()).answer(instances(1), 7);
    (await agent.next()).answer(instances(1), 7);
    await agent.next();
    expect(told()).toEqual([[1], [1]]);
  });

  it.each([
    ['went backwards', 3],
    ['is 0', 0],
    ['is no number', 'x'],
  ])('uses an answer whose index %s, and then asks without one', async (_, index) => {
    watch();
    (await agent.next()).answer(instances(1), 7);
    (await agent.next()).answer(instances(2), index);
    expect((await agent.next()).query).not.toHaveProperty('index');
    expect(told()).toEqual([[1], [2]]);
  });

  it('asks without an index after a failure, since the agent may count from the beginning again', async () => {
    watch();
    (await agent.next()).answer(instances(1), 7_000);
    (await agent.next()).response.destroy();
    const next = await agent.next();
    expect(next.query).not.toHaveProperty('index');
    next.answer(instances(1, 2), 3);
    await agent.next();
    expect(told()).toEqual([[1], 'socket hang up', [1, 2]]);
  });

  it.each([
    ['never block', [0, 0, 0]],
    ['do not block, though nothing is new', [7, 7, 7]],
  ])('asks about once a second where blocking queries %s', async (_, indexes) => {
    watch();
    for (const index of indexes) (await agent.next()).answer(instances(1), index);
    await agent.next();
    // From the beginning of one query to that of the next: what an answer took is part of it.
    expect(pauses.at(-1)).toBeGreaterThan(100);
    expect(pauses.at(-1)).toBeLessThanOrEqual(1_000);
  });

  it('asks ten times a second at most for what changes all the time', async () => {
    watch();
    for (let index = 1; index <= 3; index++) (await agent.next()).answer(instances(index), index);
    await agent.next();
    expect(pauses).toHaveLength(3);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(100);
    expect(Math.max(...pauses)).toBeGreaterThan(0);
  });

  it('backs off while it fails, to about three seconds, and no more once it has succeeded', async () => {
    watch();
    for (let failures = 0; failures < 8; failures++) (await agent.next()).response.destroy();
    (await agent.next()).answer(instances(1), 7);
    (await agent.next()).response.destroy();
    await agent.next();
    const [first = 0, , , , , , , eighth, , afterwards] = pauses;
    for (const pause of [first, afterwards]) {
      expect(pause).toBeGreaterThanOrEqual(200);
      expect(pause).toBeLessThanOrEqual(300);
    }
    expect(eighth).toBeGreaterThanOrEqual(2_400);
    expect(eighth).toBeLessThanOrEqual(3_600);
  });

  it('asks ever more rarely, up to about half a minute, while it is refused', async () => {
    watch();
    for (let refusals = 0; refusals < 7; refusals++)
      (await agent.next()).response.writeHead(403).end('Permission denied');
    (await agent.next()).response.destroy();
    await agent.next();
    const [first = 0, , , , , , seventh, away] = pauses;
    expect(first).toBeGreaterThanOrEqual(800);
    expect(first).toBeLessThanOrEqual(1_200);
    expect(seventh).toBeGreaterThanOrEqual(24_000);
    expect(seventh).toBeLessThanOrEqual(36_000);
    // Where nobody answers, often.
    expect(away).toBeLessThanOrEqual(300);
  });

  it.each([
    ['garbage', (): string => '{"a', 'application/json', 'the answer is not valid JSON'],
    ['a page', () => '<html>', 'text/html', 'expected a list of instances, got "<html>"'],
    ['another type', () => '{"a":1}', 'application/json', 'expected a list of instances, got an object'],
    ['nothing', () => '', 'application/json', 'expected a list of instances, got undefined'],
  ])('goes on after an answer of %s', async (_, body, type, failure) => {
    watch();
    (await agent.next()).response.writeHead(200, { 'content-type': type, 'x-consul-index': '7' }).end(body());
    (await agent.next()).answer(instances(1), 8);
    await agent.next();
    expect(told()).toEqual([failure, [1]]);
  });

  describe('when instances are missing that were there', () => {
    const NONE =
      'Consul shows no instance of "orders"; without a token that may read it, it shows none either';
    const critical = (...ports: number[]) =>
      instances(...ports).map((instance) => ({
        ...instance,
        Checks: [{ CheckID: 'c', Status: 'critical' }],
      }));

    it('keeps them after an outage beside the first that is back', async () => {
      watch();
      (await agent.next()).answer(instances(1, 2, 3), 7);
      (await agent.next()).response.destroy();
      (await agent.next()).answer([], 3);
      (await agent.next()).answer(instances(2), 4);
      (await agent.next()).answer(instances(2, 3), 5);
      await agent.next();
      expect(told()).toEqual([[1, 2, 3], 'socket hang up', NONE, [2, 1, 3], [2, 3, 1]]);
    });

    it('keeps them when all were critical at once, though the agent was there all the time', async () => {
      watch();
      (await agent.next()).answer(instances(1, 2), 7);
      (await agent.next()).answer(critical(1, 2), 8);
      (await agent.next()).answer([...instances(1), ...critical(2)], 9);
      await agent.next();
      expect(told()).toEqual([[1, 2], 'no instance of "orders" is passing (but critical)', [1, 2]]);
    });

    it('lets go of those that do not come back, though nothing more is heard of Consul', async () => {
      watch('', new ConsulResolver({ tls: false }, sleep, 50));
      (await agent.next()).answer(instances(1, 2), 7);
      (await agent.next()).response.destroy();
      (await agent.next()).answer(instances(2), 3);
      await agent.next();
      expect(told().slice(0, 3)).toEqual([[1, 2], 'socket hang up', [2, 1]]);
      while (told().at(-1)?.length !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(told().at(-1)).toEqual([2]);
    });

    it('lets go of one at once that has only been taken off', async () => {
      watch();
      (await agent.next()).answer(instances(1, 2, 3), 7);
      (await agent.next()).answer(instances(1, 3), 8);
      (await agent.next()).answer(instances(3), 9);
      await agent.next();
      expect(told()).toEqual([[1, 2, 3], [1, 3], [3]]);
    });

    it('takes another in the place of the only one', async () => {
      watch();
      (await agent.next()).answer(instances(1), 7);
      (await agent.next()).answer([], 8);
      (await agent.next()).answer(instances(2), 9);
      await agent.next();
      expect(told()).toEqual([[1], NONE, [2]]);
    });
  });

  it('takes 10 000 instances at once', async () => {
    watch();
    (await agent.next()).answer(instances(...Array.from({ length: 10_000 }, (_, index) => index + 1)), 7);
    await agent.next();
    expect(told()[0]).toHaveLength(10_000);
  });

  it('prefers the token of its options', async () => {
    watch('?token=of-the-target', new ConsulResolver({ token: 'of-the-options', tls: false }, sleep));
    expect((await agent.next()).token).toBe('of-the-options');
  });

  it('hangs up when nobody wants to know any more, and says nothing then', async () => {
    watch();
    (await agent.next()).answer(instances(1), 7);
    const waiting = await agent.next();
    subscription?.unsubscribe();
    await agent.hungUp(waiting);
    expect(told()).toEqual([[1]]);
    expect(agent.requests).toHaveLength(2);
  });
});
