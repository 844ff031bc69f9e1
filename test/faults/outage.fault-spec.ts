import { afterAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, printFigures } from './support/figures.js';
import { Load } from './support/load.js';
import { clock, failed, failuresByCode, latency, madeIn } from './support/records.js';
import { targetOf, Workers } from './support/workers.js';

/** Milliseconds for which no provider runs. */
const OUTAGE = 10_000;
/** Calls a second, half of which wait for a node; no more at once, since those that do not wait are over at once. */
const RATE = 100;
const KINDS = [{}, { waitForReady: true, idempotent: true, timeout: 15_000 }];

describe(`four providers that are all down for ${OUTAGE / 1_000} s`, () => {
  const workers = new Workers();
  let load: Load | undefined;
  afterAll(async () => {
    await load?.kill();
    await workers.stop();
  });

  it('fail calls at once unless they wait, and are found within 2 s when they are back', async () => {
    const all = await workers.start({}, { server: 'stock' }, {}, {});
    const addresses = all.map(({ address }) => address);
    load = await Load.on(addresses, { target: targetOf(...all) });

    load.start({ rate: RATE, kinds: KINDS });
    await sleep(1_000);
    const begin = clock();
    await Promise.all(all.map(({ process }) => process.kill()));
    // By the consumer's own account: it hears of it from its sockets, a moment later than we do from the processes.
    const down = await load.nodesAre(addresses, 'disconnected');
    await sleep(OUTAGE - (clock() - begin));
    const listening: number[] = [];
    await Promise.all(all.map(async (worker) => listening.push((await worker.restart(), clock()))));
    const readyAt = await load.nodesAre(addresses, 'ready');
    await sleep(500);
    const { calls, connects, lag } = await load.stop();

    const [first, last] = [Math.min(...listening), Math.max(...listening)];
    const served = calls.filter(
      ({ kind, code, at, took }) => kind === 1 && code === undefined && at > down && at + took > first,
    );
    const meanwhile = madeIn(calls, down, first);
    const impatient = failed(meanwhile);
    const patient = meanwhile.filter(({ kind }) => kind === 1);
    const firstAnswer = Math.min(...served.map(({ at, took }) => at + took));
    const seconds = (first - down) / 1_000;
    const attempts = addresses.map((address) => {
      const port = Number(address.split(':')[1]);
      const times = connects
        .filter((connect) => connect.port === port && connect.at > begin)
        .map(({ at }) => at);
      return {
        perSecond: times.filter((at) => at < first).length / seconds,
        inOneSecond: mostWithin(times, 1_000),
      };
    });
    printFigures(`four providers down for ${milliseconds(first - down)}, ${RATE} calls a second`, {
      calls: calls.length,
      failed: failuresByCode(calls),
      'failed calls took at most': milliseconds(latency(impatient, 100)),
      'calls that waited': patient.length,
      'first answer after the first listened': milliseconds(firstAnswer - first),
      'all ready after the last listened': milliseconds(readyAt - last),
      'attempts to connect, a second and node': attempts
        .map(({ perSecond }) => perSecond.toFixed(2))
        .join(', '),
      'most attempts in one second': attempts.map(({ inOneSecond }) => String(inOneSecond)).join(', '),
      'longest pause of the consumer': milliseconds(lag),
    });
    expect(patient.length).toBeGreaterThan(0.4 * RATE * seconds);
    expect(failed(calls.filter(({ kind }) => kind === 1))).toEqual([]);
    expect(impatient.map(({ code }) => code)).toEqual(impatient.map(() => 'NO_NODES'));
    expect(impatient.length).toBeGreaterThan(0.4 * RATE * seconds);
    expect(latency(impatient, 100)).toBeLessThan(50 + lag);
    expect(firstAnswer - first).toBeLessThan(2_000);
    expect(readyAt - last).toBeLessThan(2_000);
    for (const { perSecond, inOneSecond } of attempts) {
      expect(perSecond).toBeGreaterThan(0.5);
      expect(perSecond).toBeLessThan(1.5);
      expect(inOneSecond).toBeLessThanOrEqual(3);
    }
  });
});

/** The most of these times that lie within any span of so many milliseconds. */
function mostWithin(times: readonly number[], span: number): number {
  return Math.max(
    0,
    ...times.map((start) => times.filter((time) => time >= start && time < start + span).length),
  );
}
