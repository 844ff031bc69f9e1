import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy } from 'nestjs-load-balancer';
import { firstValueFrom } from 'rxjs';
import { inParallel, loopTurned, tally } from './support/calls.js';
import { Consumers, nodeBecomes, ready } from './support/consumer.js';
import type { Provider } from './support/providers.js';
import { Fleet, staticTarget } from './support/providers.js';

/** Milliseconds between two probes. Each is moved by up to a fifth of it at random. */
const INTERVAL = 500;

describe.each([12, 11] as const)('three stock providers of Nest %i', (nest) => {
  const fleet = new Fleet();
  const consumers = new Consumers();
  let providers: Provider[];
  let client: BalancedClientProxy;

  beforeAll(async () => {
    providers = await fleet.startAll([{ nest }, { nest }, { nest }]);
    client = await consumers.open({
      target: staticTarget(...providers),
      strategy: 'round-robin',
      healthCheck: { interval: INTERVAL, timeout: INTERVAL },
    });
    await ready(client, 3);
  });

  afterAll(async () => {
    await consumers.close();
    await fleet.stop();
  });

  const who = (): Promise<string> => firstValueFrom(client.send<string>({ cmd: 'who' }, {}));

  it('share 3 000 calls evenly', async () => {
    const answers = await inParallel(3_000, 50, who);
    expect(tally(answers)).toEqual({ 'node-1': 1_000, 'node-2': 1_000, 'node-3': 1_000 });
  });

  it('see nothing of being probed', () => {
    for (const { reason } of client.nodes()) expect(reason).toBe('answered a probe after connecting');
    expectQuietLogs(providers);
  });

  it('are missed by nobody when one is killed between calls, and take part again when it is back', async () => {
    const victim = providers[1] as Provider;
    await victim.process.kill();
    await loopTurned();

    const meanwhile = await inParallel(1_000, 20, who);
    expect(tally(meanwhile)).toEqual({ 'node-1': 500, 'node-3': 500 });

    await victim.restart();
    const back = performance.now();
    await nodeBecomes(client, victim.address, 'ready');
    expect(performance.now() - back).toBeLessThan(2 * INTERVAL);
    const afterwards = await inParallel(1_500, 50, who);
    expect(tally(afterwards)).toEqual({ 'node-1': 500, 'node-2': 500, 'node-3': 500 });
  });
});

describe('a service with nodes of every kind', () => {
  it('is balanced as any other, and nobody complains', async () => {
    const fleet = new Fleet();
    const consumers = new Consumers();
    try {
      const providers = await fleet.startAll([
        { nest: 12, server: 'stock' },
        { nest: 11, server: 'stock' },
        { nest: 12, server: 'balanced' },
        { nest: 11, server: 'balanced' },
      ]);
      const client = await consumers.open({ target: staticTarget(...providers), strategy: 'round-robin' });
      await ready(client, 4);

      const answers = await inParallel(400, 20, () =>
        firstValueFrom(client.send<string>({ cmd: 'who' }, {})),
      );
      const report = await firstValueFrom(client.broadcast('note', 'to all'));
      const noted = await Promise.all(providers.map(({ process }) => process.message('noted')));

      expect(tally(answers)).toEqual({ 'node-1': 100, 'node-2': 100, 'node-3': 100, 'node-4': 100 });
      expect([...report.sent].sort()).toEqual(providers.map(({ address }) => address).sort());
      expect(noted.map(({ data }) => data)).toEqual(['to all', 'to all', 'to all', 'to all']);
      await consumers.close();
      expectQuietLogs(providers);
    } finally {
      await consumers.close();
      await fleet.stop();
    }
  });
});

/** Probes and balanced clients leave no trace in the logs of those who know nothing of them. */
function expectQuietLogs(providers: readonly Provider[]): void {
  for (const { process } of providers) {
    expect(process.output).toContain('Nest microservice successfully started');
    expect(process.output).not.toMatch(/error|warn/i);
  }
}
