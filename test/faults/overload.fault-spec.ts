import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, percent, printFigures } from './support/figures.js';
import type { LoadResult } from './support/load.js';
import { Load } from './support/load.js';
import { answeredIn, clock, failed, failuresByCode, latency, madeIn, percentile } from './support/records.js';
import type { WorkerConfig } from './support/workers.js';
import { targetOf, Workers } from './support/workers.js';

/** The whole test takes 30 s; it does in CI and with LB_FAULTS_FULL=1, and every other run is content with 6. */
const FULL = process.env.LB_FAULTS_FULL === '1' || process.env.CI === 'true';
const DURATION = FULL ? 30_000 : 6_000;
/** Without limits, a few seconds show what becomes of it. */
const UNLIMITED_DURATION = 4_000;

const PROVIDERS = 2;
const SLOTS = 8;
const WORK = 40;
/** Calls a second that they can take, by the book. */
const CAPACITY = (PROVIDERS * SLOTS * 1_000) / WORK;
const TIMEOUT = 1_000;

describe(`twice the load that two providers can take, for ${DURATION / 1_000} s`, () => {
  let workers: Workers;
  let load: Load | undefined;
  afterEach(async () => {
    await load?.kill();
    await workers.stop();
  });

  async function overload(limits: WorkerConfig['limits'], duration: number) {
    workers = new Workers();
    const config: Partial<WorkerConfig> = { work: [WORK, WORK], slots: SLOTS, ...(limits && { limits }) };
    const all = await workers.start(...Array.from({ length: PROVIDERS }, () => config));
    load = await Load.on(
      all.map(({ address }) => address),
      { target: targetOf(...all), timeout: TIMEOUT },
    );
    if (limits) {
      // What latency is usual is learnt before.
      load.start({ rate: CAPACITY / 2 });
      await sleep(1_500);
      await load.stop();
    }
    load.start({ rate: 2 * CAPACITY });
    // The first second is what it takes to find the limit.
    await sleep(1_000);
    const from = clock();
    await sleep(duration - 1_000);
    const to = clock();
    const result = await load.stop();
    return { ...result, ...measure(result, from, to) };
  }

  it('leaves them working at their capacity, and what they admit quick, with adaptive limits', async () => {
    const { calls, lag, offered, goodput, capacity, served, answered } = await overload(
      { adaptive: true },
      DURATION,
    );

    expect(offered).toBeGreaterThan(1.8 * CAPACITY);
    expect(goodput).toBeGreaterThan(0.8 * capacity);
    // With a queue that grows it would be all of the time that a call has.
    expect(percentile(served, 99)).toBeLessThan(6 * WORK + lag);
    // The slowest were turned away first, and came back when they were told to.
    expect(latency(answered, 75)).toBeLessThan(6 * WORK + lag);
    const { OVERLOADED: refused = 0, DEADLINE_EXCEEDED: late = 0, ...others } = failuresByCode(calls);
    expect(others).toEqual({});
    expect(refused).toBeGreaterThan(0.3 * calls.length);
    expect(late).toBeLessThan(0.05 * calls.length);
  });

  it('buries them without limits', async () => {
    const { goodput, capacity } = await overload(undefined, UNLIMITED_DURATION);

    expect(goodput).toBeLessThan(0.6 * capacity);
  });
});

/** What became of the calls of a span of time, which is printed, too. */
function measure({ calls, lag }: LoadResult, from: number, to: number) {
  const perSecond = (count: number): number => (count * 1_000) / (to - from);
  const made = madeIn(calls, from, to);
  const answered = answeredIn(calls, from, to);
  const offered = perSecond(made.length);
  const goodput = perSecond(answered.length);
  /** Milliseconds in the provider, of the calls that it admitted. */
  const served = answered.map((call) => call.served ?? NaN);
  // On a busy machine timers come late, and what is to take 40 ms takes longer.
  const worked = answered.reduce((sum, call) => sum + (call.worked ?? NaN), 0) / answered.length;
  const capacity = (PROVIDERS * SLOTS * 1_000) / worked;
  const both = (percentileOf: (share: number) => number): string =>
    [50, 99].map((share) => milliseconds(percentileOf(share))).join(', ');
  const turnedAway = failed(made);
  const limited = turnedAway.some(({ code }) => code === 'OVERLOADED');
  printFigures(`twice the capacity, ${limited ? `${DURATION / 1_000} s with adaptive` : 'without'} limits`, {
    'capacity, offered, goodput': [capacity, offered, goodput].map(Math.round).join(', ') + ' calls a second',
    'goodput, of the capacity': percent(goodput / capacity),
    failed: failuresByCode(calls),
    'p50, p99 of answered calls in the provider': both((share) => percentile(served, share)),
    'p50, p99 of answered calls for the caller': both((share) => latency(answered, share)),
    'p50, p99 until a call is turned away': both((share) => latency(turnedAway, share)),
    'longest pause of the consumer': milliseconds(lag),
    ...(limited && !FULL && { 'not the whole test': 'LB_FAULTS_FULL=1 goes on for 30 s' }),
  });
  return { offered, goodput, capacity, served, answered };
}
