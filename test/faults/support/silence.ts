import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, printFigures } from './figures.js';
import type { Load } from './load.js';
import { HALF_IDEMPOTENT } from './load.js';
import {
  answeredIn,
  answersByNode,
  clock,
  failed,
  failuresByCode,
  latency,
  madeIn,
  processedTwice,
} from './records.js';
import type { Worker, Workers } from './workers.js';

/** Milliseconds that a call may take in these tests. */
export const TIMEOUT = 1_000;
/** Milliseconds beyond its deadline in which a call must be settled. */
const LATEST = 50;
/** Milliseconds after which the other nodes must carry the load. */
const RECOVERY = 2_000;

/** A way to keep a node from answering while its process, or its connection, lives on. */
export interface Silence {
  readonly title: string;
  begin(): Promise<void> | void;
  end(): void;
}

/**
 * Silences one of the nodes under load, and lets it come back. Whatever it was that silenced it: no call outlives its deadline,
 * the others soon carry the load as before, none but its own calls fail, and it is called again when it is back.
 */
export async function silenceUnderLoad(
  load: Load,
  workers: Workers,
  victim: Worker,
  silence: Silence,
): Promise<void> {
  load.start({ kinds: HALF_IDEMPOTENT });
  await sleep(1_000);
  const begin = clock();
  await silence.begin();
  await sleep(RECOVERY + 1_000);
  const end = clock();
  silence.end();
  const back = await load.nodesAre([victim.address], 'ready');
  await sleep(500);
  const { calls, lag } = await load.stop();

  const before = madeIn(calls, 0, begin - TIMEOUT / 2);
  const after = madeIn(calls, begin + RECOVERY, end - TIMEOUT / 2);
  const overdue = Math.max(...calls.map(({ took }) => took - TIMEOUT));
  const executions = workers.executions();
  const [p99Before, p99After] = [latency(before, 99), latency(after, 99)] as const;
  const last = failed(calls).map(({ at, took }) => at + took - begin);
  printFigures(silence.title, {
    calls: calls.length,
    failed: failuresByCode(calls),
    'last failure after': last.length === 0 ? 'none' : milliseconds(Math.max(...last)),
    'longest beyond its deadline': overdue <= 0 ? 'none' : milliseconds(overdue),
    'p99 before, 2 s after': `${milliseconds(p99Before)}, ${milliseconds(p99After)}`,
    'calls a second before, 2 s after': [
      before.length / ((begin - TIMEOUT / 2 - calls[0]!.at) / 1_000),
      after.length / ((end - TIMEOUT / 2 - begin - RECOVERY) / 1_000),
    ]
      .map(Math.round)
      .join(', '),
    'ready again after': milliseconds(back - end),
    'longest pause of the consumer': milliseconds(lag),
  });

  expect(overdue).toBeLessThanOrEqual(LATEST + lag);
  expect(Object.keys(answersByNode(before))).toHaveLength(workers.all.length);
  expect(failed(before)).toEqual([]);
  for (const call of failed(calls)) expect(call.attempts?.at(-1)?.node).toBe(victim.address);
  expect(failed(after)).toEqual([]);
  expect(answersByNode(after)[victim.name] ?? 0).toBe(0);
  expect(p99After).toBeLessThanOrEqual(3 * p99Before);
  expect(answersByNode(answeredIn(calls, back, Infinity))[victim.name]).toBeGreaterThan(0);
  expect(processedTwice(calls, executions).filter(({ kind }) => kind === 0)).toEqual([]);
}
