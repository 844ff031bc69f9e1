import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, percent, printFigures } from './support/figures.js';
import { Load } from './support/load.js';
import { answeredIn, clock, percentile } from './support/records.js';
import { targetOf, Workers } from './support/workers.js';

/** One call at a time, so that a slow node has a queue as one has whose handler keeps the CPU; on a busy machine, too. */
const FAST = { slots: 1, work: [4, 4] } as const;
const SLOW = { slots: 1, work: [40, 40] } as const;
/** Milliseconds: to learn what the nodes are like, and to count. */
const LEARNING = 1_000;
const DURATION = 4_000;

const workers = new Workers();
beforeAll(async () => {
  await workers.start(SLOW, FAST, FAST, FAST);
});
afterAll(() => workers.stop());

/** With 64 calls in flight over four providers, one of which is ten times slower. */
async function tailOf(strategy: 'round-robin' | 'peak-ewma' | 'least-loaded') {
  const { all } = workers;
  const load = await Load.on(
    all.map(({ address }) => address),
    { target: targetOf(...all), strategy, outlierDetection: false, timeout: 20_000 },
  );
  try {
    load.start();
    await sleep(LEARNING);
    const from = clock();
    await sleep(DURATION);
    const to = clock();
    const calls = answeredIn((await load.stop()).calls, from, to);
    const took = calls.map((call) => call.took);
    const ofSlow = calls.filter(({ node }) => node === all[0]!.name).length / calls.length;
    return { p50: percentile(took, 50), p99: percentile(took, 99), ofSlow, calls: calls.length };
  } finally {
    await load.kill();
  }
}

it('strategies by load keep the p99 below a third of that of round robin when one of four providers is slow', async () => {
  const base = await tailOf('round-robin');
  const ewma = await tailOf('peak-ewma');
  const loaded = await tailOf('least-loaded');

  for (const [strategy, { p50, p99, ofSlow, calls }] of Object.entries({ base, ewma, loaded }))
    printFigures(`one of four providers ten times slower, 64 calls in flight: ${strategy}`, {
      calls,
      'p50, p99': [p50, p99].map(milliseconds).join(', '),
      'share of the slow one': percent(ofSlow),
    });
  expect(ewma.p99).toBeLessThan(base.p99 / 3);
  expect(loaded.p99).toBeLessThan(base.p99 / 3);
}, 60_000);
