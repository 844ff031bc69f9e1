import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Load } from './support/load.js';
import { Partition, whyNoNamespaces } from './support/partition.js';
import { silenceUnderLoad, TIMEOUT } from './support/silence.js';
import type { Worker } from './support/workers.js';
import { targetOf, Workers } from './support/workers.js';

const reason = whyNoNamespaces();
if (reason !== undefined) process.stdout.write(`\n  partition of one provider: not run, since ${reason}\n`);

(reason === undefined ? describe : describe.skip)('a partition of one of four providers', () => {
  let partition: Partition | undefined;
  const workers = new Workers();
  let load: Load | undefined;
  let victim: Worker;
  beforeAll(async () => {
    partition = Partition.create();
    const local = { launcher: partition.onClient };
    const remote = { launcher: partition.onNode, host: partition.nodeAddress };
    const all = await workers.start(remote, local, { ...local, server: 'stock' }, local);
    victim = all[0] as Worker;
    load = await Load.on(
      all.map(({ address }) => address),
      { target: targetOf(...all), timeout: TIMEOUT },
      local,
    );
  });
  afterAll(async () => {
    await load?.kill();
    await workers.stop();
    partition?.remove();
  });

  it.each([
    ['that drops all packets', () => partition?.dropAll()],
    ['that drops what the provider sends', () => partition?.dropReplies()],
    ['that resets connections', () => partition?.reset()],
  ])('costs no call more than its deadline, and nothing 2 s later: one %s', async (kind, begin) => {
    await silenceUnderLoad(load as Load, workers, victim, {
      title: `a partition of one of four providers ${kind}, 64 calls in flight`,
      begin,
      end: () => partition?.heal(),
    });
  });
});
