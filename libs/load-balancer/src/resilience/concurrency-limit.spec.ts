import { describe, expect, it } from '@jest/globals';
import { FixedLimit } from './concurrency-limit.js';

describe('FixedLimit', () => {
  it('counts what is in flight and stays what it is', () => {
    const limit = new FixedLimit(3);
    limit.onStart();
    limit.onStart();
    limit.onEnd();
    expect(limit.inFlight).toBe(1);
    expect(limit.limit).toBe(3);
  });

  it('counts a call by its cost', () => {
    const limit = new FixedLimit(3);
    limit.onStart(5);
    limit.onStart();
    limit.onEnd(0, 0, 'answered', 5);
    expect(limit.inFlight).toBe(1);
  });
});
