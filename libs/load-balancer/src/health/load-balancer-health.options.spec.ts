import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../errors.js';
import { resolveHealthOptions } from './load-balancer-health.options.js';

function problemsOf(options: object): string {
  try {
    resolveHealthOptions(options);
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.message;
    throw error;
  }
  return 'none';
}

describe('options of LoadBalancerHealthModule', () => {
  it('have defaults', () => {
    expect(resolveHealthOptions({})).toEqual({ path: 'health', details: 'always', decorators: [] });
  });

  it('refuse an unknown key: a misspelt `details` must not open the details', () => {
    expect(problemsOf({ detail: 'never' })).toBe(
      'health.detail: unknown option; there are path, details, decorators',
    );
  });

  it('report every wrong value at once', () => {
    const message = problemsOf({ path: 7, details: 'sometimes', decorators: [true] });
    expect(message).toContain('health.path: expected a route path, got 7');
    expect(message).toContain(`health.details: expected 'always', 'never' or a function, got "sometimes"`);
    expect(message).toContain('health.decorators: expected an array of class decorators, got an array of 1');
  });
});
