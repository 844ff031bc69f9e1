import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Misbehaviour } from './support/faulty-node.js';
import { FaultyNode, MISBEHAVIOURS } from './support/faulty-node.js';
import { milliseconds, percent, printFigures } from './support/figures.js';
import type { LoadResult } from './support/load.js';
import { HALF_IDEMPOTENT, Load } from './support/load.js';
import { answersByNode, clock, failed, failuresByCode, latency, madeIn } from './support/records.js';
import { targetOf, Workers } from './support/workers.js';

const TIMEOUT = 1_000;
/** Milliseconds after which the node must be out of the rotation. */
const OUT = 2_000;
/** Bytes by which the consumer's heap may have grown; what it keeps of each call is in there, too. */
const GROWTH = 8_000_000;

const ways = Object.keys(MISBEHAVIOURS) as Misbehaviour[];

interface Run extends LoadResult {
  readonly faulty: FaultyNode;
  readonly begin: number;
  readonly end: number;
  readonly grown: number;
}

/** Each has a consumer and a bad node of its own; the three good ones are shared, since nothing must touch them. */
describe('one node of four that', () => {
  const workers = new Workers();
  const loads: Load[] = [];
  const nodes: FaultyNode[] = [];
  const runs = new Map<Misbehaviour, Run>();

  beforeAll(async () => {
    await workers.start({}, { server: 'stock' }, {});
    await Promise.all(ways.map(async (way) => runs.set(way, await run(way))));
  });
  afterAll(async () => {
    await Promise.all(loads.map((load) => load.kill()));
    for (const node of nodes) node.close();
    await workers.stop();
  });

  async function run(way: Misbehaviour): Promise<Run> {
    const faulty = await FaultyNode.listen('faulty');
    nodes.push(faulty);
    const all = [...workers.all, faulty];
    const load = await Load.on(
      all.map(({ address }) => address),
      { target: targetOf(...all), timeout: TIMEOUT },
      { name: way },
    );
    loads.push(load);
    load.start({ inFlight: 16, kinds: HALF_IDEMPOTENT });
    await sleep(1_000);
    const heap = await load.heapUsed();
    const begin = clock();
    faulty.misbehave(way);
    await sleep(OUT + 2_000);
    const end = clock();
    const grown = (await load.heapUsed()) - heap;
    return { ...(await load.stop()), faulty, begin, end, grown };
  }

  it.each(ways)('%s costs nobody but its own calls, and is soon called no more', (way) => {
    const { calls, faulty, begin, end, grown, lag } = runs.get(way) as Run;
    const before = madeIn(calls, 0, begin - TIMEOUT);
    const soon = madeIn(calls, begin, begin + OUT);
    const after = madeIn(calls, begin + OUT, end);
    const onFaulty = after.filter(
      ({ node, attempts }) =>
        node === faulty.name || attempts?.some((attempt) => attempt.node === faulty.address),
    );
    const crossed = calls.filter(({ answerOf }) => answerOf !== undefined);
    printFigures(`a node that ${way}, beside three good ones, 16 calls in flight`, {
      calls: calls.length,
      failed: failuresByCode(calls),
      'failed in the first 2 s, later': `${failed(soon).length}, ${failed(after).length}`,
      "given another call's answer": crossed.length,
      'its share of the calls after 2 s': percent(onFaulty.length / after.length),
      'p99 before, after 2 s': `${milliseconds(latency(before, 99))}, ${milliseconds(latency(after, 99))}`,
      'heap grown by': `${(grown / 1e6).toFixed(1)} MB`,
    });

    expect(answersByNode(calls)[faulty.name]).toBeGreaterThan(0);
    expect(failed(madeIn(calls, 0, begin - TIMEOUT))).toEqual([]);
    for (const call of failed(calls)) {
      expect(['CONNECTION_LOST', 'DEADLINE_EXCEEDED']).toContain(call.code);
      expect(call.attempts?.at(-1)?.node).toBe(faulty.address);
    }
    for (const { node } of crossed) expect(node).toBe(faulty.name);
    if (way !== 'answers with wrong ids') expect(crossed).toEqual([]);
    expect(onFaulty.length).toBeLessThan(0.02 * after.length);
    expect(latency(after, 99)).toBeLessThan(3 * latency(before, 99) + lag);
    expect(grown).toBeLessThan(GROWTH);
  });
});
