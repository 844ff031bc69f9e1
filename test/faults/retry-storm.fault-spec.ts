import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../support/child.js';
import { freePort } from '../support/ports.js';
import { printFigures } from './support/figures.js';
import { Load } from './support/load.js';
import { failuresByCode } from './support/records.js';
import { linesOf } from './support/workers.js';

const NAMES = ['first', 'second', 'third'] as const;
const RATE = 200;
const DURATION = 5_000;
/**
 * What every level does, the caller included: 3 × 3 × 3 attempts without a budget. The reserve is for services with few
 * calls: with these 200 a second its 10 a second would be a twentieth more.
 */
const RETRY = { maxAttempts: 3, retryOn: ['UNAVAILABLE'], budget: { minPerSecond: 0 } };

describe('three levels of services, the last of which fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'load-balancer-faults-'));
  const journal = (name: string): string => join(folder, `${name}.journal`);
  const levels: Child[] = [];
  let load: Load | undefined;

  beforeAll(async () => {
    const ports = [await freePort(), await freePort(), await freePort()];
    NAMES.forEach((name, index) => {
      const place = { name, port: ports[index], next: ports[index + 1], journal: journal(name) };
      levels.push(new Child('../faults/processes/level.mjs', { nest: 12, ...place, retry: RETRY }));
    });
    await Promise.all(levels.map((level) => level.message('listening')));
    const address = `127.0.0.1:${ports[0]!}`;
    load = await Load.on([address], { target: `static:///${address}`, retry: RETRY });
    // Each level has found the next one by then.
    await sleep(500);
  });
  afterAll(async () => {
    await load?.kill();
    await Promise.all(levels.map((level) => level.kill()));
    rmSync(folder, { recursive: true, force: true });
  });

  it('have at most 1.2 times the calls reach it, although each makes three attempts', async () => {
    load!.start({ rate: RATE, kinds: [{ idempotent: true }] });
    await sleep(DURATION);
    const { calls } = await load!.stop();

    const reached = Object.fromEntries(NAMES.map((name) => [name, linesOf(journal(name)).length]));
    printFigures(`three levels with three attempts each, ${RATE} calls a second, the last level fails`, {
      calls: calls.length,
      failed: failuresByCode(calls),
      'reached each level': NAMES.map((name) => `${name} ${reached[name]!}`).join(', '),
      'reached the last one, for each call': reached.third! / calls.length,
    });
    expect(calls.length).toBeGreaterThan((0.9 * RATE * DURATION) / 1_000);
    expect(failuresByCode(calls)).toEqual({ UNAVAILABLE: calls.length });
    // In tenths, since 1.2 is none of the numbers that a computer has.
    expect(10 * reached.third!).toBeLessThanOrEqual(12 * calls.length);
    // It is a budget and not a ban.
    expect(reached.third).toBeGreaterThan(1.1 * calls.length);
  });
});
