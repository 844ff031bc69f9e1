import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, printFigures } from './support/figures.js';
import { HALF_IDEMPOTENT, Load } from './support/load.js';
import { clock, failed, failuresByCode, latency, madeIn, processedTwice } from './support/records.js';
import type { Worker } from './support/workers.js';
import { targetOf, Workers } from './support/workers.js';

/** Milliseconds by which the consumer may hear of the death from its sockets later than we do from the process. */
const NOTICED = 50;

describe('kill -9 of one of four providers', () => {
  const workers = new Workers();
  let load: Load | undefined;
  beforeAll(async () => {
    const all = await workers.start({ server: 'balanced' }, { server: 'stock' }, {}, {});
    load = await Load.on(
      all.map(({ address }) => address),
      { target: targetOf(...all) },
    );
  });
  afterAll(async () => {
    await load?.kill();
    await workers.stop();
  });

  it.each([
    ['balanced', 0],
    ['stock', 1],
  ] as const)('fails only calls that must not be repeated: %s', async (server, index) => {
    const victim = workers.all[index] as Worker;
    load!.start({ kinds: HALF_IDEMPOTENT });
    await sleep(700);
    const before = clock();
    await victim.process.kill();
    const gone = clock();
    await sleep(1_000);
    const { calls } = await load!.stop();
    await victim.restart();
    await load!.nodesAre([victim.address], 'ready');

    const executions = workers.executions();
    const twice = processedTwice(calls, executions);
    printFigures(`kill -9 of one of four providers (${server}), 64 calls in flight`, {
      calls: calls.length,
      failed: failuresByCode(calls),
      'processed twice, idempotent': twice.filter(({ kind }) => kind === 1).length,
      'processed twice, others': twice.filter(({ kind }) => kind === 0).length,
      'p99 before, after': [madeIn(calls, 0, before), madeIn(calls, gone, Infinity)]
        .map((window) => milliseconds(latency(window, 99)))
        .join(', '),
    });
    const lost = failed(calls);
    expect(lost.length).toBeGreaterThan(0);
    expect(twice.length).toBeGreaterThan(0);
    for (const call of lost) {
      expect(call).toMatchObject({ kind: 0, code: 'CONNECTION_LOST' });
      expect(call.attempts?.at(-1)).toEqual({ node: victim.address, outcome: 'lost' });
      expect(call.at).toBeLessThan(gone + NOTICED);
    }
    // What ran again may do so, and was under way on the node that died.
    for (const call of twice) {
      expect(call.kind).toBe(1);
      expect(call.at).toBeLessThan(gone + NOTICED);
      expect(call.at + call.took).toBeGreaterThan(before);
    }
    expect(Math.max(...executions.values())).toBeLessThanOrEqual(2);
  });
});
