import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { InvalidOptionsError, isLoadBalancerError } from './errors.js';

describe('InvalidOptionsError', () => {
  const problems = [
    { path: 'services.orders.timout', message: 'unknown option; did you mean "timeout"?' },
    { path: 'services.orders.minReady', message: 'expected an integer ≥ 0, got -1' },
  ];

  it('says each problem once, as Node prints it when nobody catches it', () => {
    const error = new InvalidOptionsError(problems);
    // How Node prints the error that ends a process.
    const printed = inspect(error, { customInspect: false, depth: 5 });
    expect(printed).toBe(error.stack);
    expect(printed.split('timout')).toHaveLength(2);
    expect(printed).toMatch(/^InvalidOptionsError: 2 problems with the load balancer's options:\n/);
  });

  it('has its fields to be read', () => {
    const error = new InvalidOptionsError(problems);
    expect(isLoadBalancerError(error)).toBe(true);
    expect(error.code).toBe('INVALID_OPTIONS');
    expect(error.name).toBe('InvalidOptionsError');
    expect(error.problems).toBe(problems);
    expect(error.attempts).toEqual([]);
    expect(error.service).toBeUndefined();
  });
});
