import { afterAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, printFigures } from './support/figures.js';
import { HALF_IDEMPOTENT, Load } from './support/load.js';
import {
  answeredIn,
  answersByNode,
  clock,
  failed,
  failuresByCode,
  latency,
  processedTwice,
} from './support/records.js';
import { targetOf, Workers } from './support/workers.js';

describe('a rolling restart of four providers with SIGTERM', () => {
  const workers = new Workers();
  let load: Load | undefined;
  afterAll(async () => {
    await load?.kill();
    await workers.stop();
  });

  it('fails no call, idempotent or not, and processes none twice', async () => {
    const all = await workers.start({}, {}, {}, {});
    load = await Load.on(
      all.map(({ address }) => address),
      { target: targetOf(...all) },
    );

    load.start({ kinds: HALF_IDEMPOTENT });
    await sleep(500);
    const restarts: number[] = [];
    for (const worker of all) {
      const start = performance.now();
      await worker.process.terminate();
      await worker.restart();
      restarts.push(performance.now() - start);
    }
    const restarted = clock();
    const allBack = await load.nodesAre(
      all.map(({ address }) => address),
      'ready',
    );
    await sleep(500);
    const { calls } = await load.stop();

    const executions = workers.executions();
    printFigures('rolling restart of four providers, 64 calls in flight', {
      calls: calls.length,
      failed: failuresByCode(calls),
      'processed twice': processedTwice(calls, executions).length,
      'answers by node': answersByNode(calls),
      'each restart took': restarts.map(milliseconds).join(', '),
      'all ready again after': milliseconds(allBack - restarted),
      'p50, p99, longest': [50, 99, 100].map((share) => milliseconds(latency(calls, share))).join(', '),
    });
    expect(failed(calls)).toEqual([]);
    expect(processedTwice(calls, executions)).toEqual([]);
    expect(executions.size).toBe(calls.length);
    // All four were away, and are called again.
    expect(restarts).toHaveLength(4);
    expect(Object.keys(answersByNode(answeredIn(calls, allBack, Infinity))).sort()).toEqual(
      all.map(({ name }) => name),
    );
  });
});
