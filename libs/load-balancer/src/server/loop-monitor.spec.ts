import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoopMonitor } from './loop-monitor.js';

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const now = (): number => performance.now();

describe('LoopMonitor', () => {
  it('knows no delay before it has measured one, and a small one while the loop is free', async () => {
    const loop = new LoopMonitor();
    expect(loop.delay(now())).toBeUndefined();
    await sleep(40);
    expect(loop.delay(now())).toBeLessThan(25);
  });

  it('shows a block, while it goes on and afterwards', async () => {
    const loop = new LoopMonitor();
    loop.delay(now());
    block(80);
    expect(loop.delay(now())).toBeGreaterThan(60);
    await sleep(20);
    expect(loop.delay(now())).toBeGreaterThan(60);
  });

  it('forgets a block in the course of further samples', async () => {
    const loop = new LoopMonitor();
    loop.delay(now());
    block(200);
    await sleep(1);
    const before = loop.delay(now())!;
    for (let n = 0; n < 4; n++) {
      await sleep(101);
      loop.delay(now());
      await sleep(15);
    }
    expect(loop.delay(now())).toBeLessThan(before / 2);
  });

  it('tells the utilization of a second, once one has passed', async () => {
    const loop = new LoopMonitor();
    expect(loop.utilization(now())).toBeUndefined();
    await sleep(520);
    block(500);
    const busy = loop.utilization(now() + 100)!;
    expect(busy).toBeGreaterThan(0.3);
    expect(busy).toBeLessThanOrEqual(1);
    expect(loop.utilization(now())).toBe(busy);
  });
});
