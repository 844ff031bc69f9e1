import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fakeNodes } from '../testing/fake-nodes.js';
import { InFlightEstimate } from './in-flight-estimate.js';

describe('the estimate of all calls in flight', () => {
  it('is exact when the nodes are told, and again after a quarter as many looks as there are nodes', () => {
    const nodes = fakeNodes(10);
    for (const [i, node] of nodes.entries()) node.inFlight = i;
    const estimate = new InFlightEstimate();
    estimate.update(nodes);
    expect(estimate.total).toBe(45);
    for (const node of nodes) node.inFlight += 2;
    for (let look = 0; look < 3; look++) estimate.renew();
    expect(estimate.total).toBe(65);
  });

  it('is never off by more than the calls that began or ended in the last n/4 looks', () => {
    const steps = fc.array(fc.nat(99), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), steps, (count, sequence) => {
        const nodes = fakeNodes(count);
        const estimate = new InFlightEstimate();
        estimate.update(nodes);
        for (const step of sequence) {
          estimate.renew();
          const node = nodes[step % count]!;
          if (step < 70) node.inFlight++;
          else if (node.inFlight > 0) node.inFlight--;
          const exact = nodes.reduce((sum, { inFlight }) => sum + inFlight, 0);
          expect(Math.abs(estimate.total - exact)).toBeLessThanOrEqual(Math.ceil(count / 4));
        }
      }),
      { seed: 1 },
    );
  });

  it('is 0 without nodes, and of the new ones only when they are replaced', () => {
    const estimate = new InFlightEstimate();
    estimate.renew();
    expect(estimate.total).toBe(0);
    const [one, other] = fakeNodes(2);
    one!.inFlight = 7;
    estimate.update([one!]);
    estimate.update([other!]);
    one!.inFlight = 9;
    estimate.renew();
    expect(estimate.total).toBe(0);
  });
});
