import { afterEach, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy, Endpoint } from 'nestjs-load-balancer';
import { firstValueFrom } from 'rxjs';
import { inParallel, tally } from './support/calls.js';
import { Consumers, nodeBecomes, ready } from './support/consumer.js';
import type { Provider } from './support/providers.js';
import { Fleet } from './support/providers.js';

const fleet = new Fleet();
const consumers = new Consumers();

afterEach(async () => {
  await consumers.close();
  await fleet.stop();
});

/** Who answers each of these calls; one that fails fails the test. */
const answers = (client: BalancedClientProxy, calls = 120): Promise<string[]> =>
  inParallel(calls, 12, () =>
    firstValueFrom(client.send<string>({ cmd: 'who' }, {}, { idempotent: true, timeout: 10_000 })),
  );

const names = (answered: readonly string[]): string[] => Object.keys(tally(answered)).sort();

describe.each([
  [
    'zone',
    (place: number): Partial<Endpoint> => ({ zone: `zone-${place}` }),
    { locality: { zone: 'zone-0', minNodes: 4 } },
  ],
  ['priority', (place: number): Partial<Endpoint> => ({ priority: place }), {}],
] as const)('two places that differ in their %s', (_, labels, options) => {
  it(': when the near one dies, calls move to the far one, none fails, and they come back with it', async () => {
    const providers = await fleet.startAll([{}, {}, {}, {}]);
    const near = providers.slice(0, 2);
    const endpoint = ({ port }: Provider, index: number): Endpoint => ({
      host: '127.0.0.1',
      port,
      ...labels(index < 2 ? 0 : 1),
    });
    const client = await consumers.open({
      ...options,
      target: providers.map(endpoint),
      connection: { backoff: { initial: 50, max: 100 } },
    });
    await ready(client, 4);
    expect(names(await answers(client))).toEqual(['node-1', 'node-2']);

    // In the middle of calls, which are tried again elsewhere.
    let going = true;
    const traffic = inParallel(4, 4, async () => {
      while (going) await answers(client, 12);
    });
    for (const { process, address } of near) {
      await process.kill();
      await nodeBecomes(client, address, 'disconnected');
    }
    going = false;
    await traffic;
    expect(names(await answers(client))).toEqual(['node-3', 'node-4']);

    await Promise.all(near.map((provider) => provider.restart()));
    await ready(client, 4);
    expect(names(await answers(client))).toEqual(['node-1', 'node-2']);
  });
});
