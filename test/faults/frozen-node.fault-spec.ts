import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Load } from './support/load.js';
import { silenceUnderLoad, TIMEOUT } from './support/silence.js';
import type { Worker } from './support/workers.js';
import { targetOf, Workers } from './support/workers.js';

describe('kill -STOP of one of four providers', () => {
  const workers = new Workers();
  let load: Load | undefined;
  beforeAll(async () => {
    const all = await workers.start({ server: 'balanced' }, { server: 'stock' }, {}, {});
    load = await Load.on(
      all.map(({ address }) => address),
      { target: targetOf(...all), timeout: TIMEOUT },
    );
  });
  afterAll(async () => {
    await load?.kill();
    await workers.stop();
  });

  it.each([
    ['balanced', 0],
    ['stock', 1],
  ] as const)('costs no call more than its deadline, and nothing 2 s later: %s', async (server, index) => {
    const victim = workers.all[index] as Worker;
    await silenceUnderLoad(load as Load, workers, victim, {
      title: `kill -STOP of one of four providers (${server}), 64 calls in flight`,
      begin: () => victim.process.freeze(),
      end: () => victim.process.thaw(),
    });
  });
});
