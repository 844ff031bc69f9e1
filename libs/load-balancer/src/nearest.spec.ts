import { describe, expect, it } from '@jest/globals';
import { didYouMean, nearestName } from './nearest.js';

const KNOWN = ['timeout', 'target', 'tls', 'strategy', 'healthCheck', 'waitForReady'];

describe('nearestName', () => {
  it.each([
    ['timout', 'timeout'],
    ['tiemout', 'timeout'],
    ['timeouts', 'timeout'],
    ['Timeout', 'timeout'],
    ['healthcheck', 'healthCheck'],
    ['tsl', 'tls'],
    ['startegy', 'strategy'],
  ])('takes %s for %s', (name, meant) => expect(nearestName(name, KNOWN)).toBe(meant));

  it.each(['retry', 'x', '', 'hedge', 'interceptors', 'constructor', 'timeout'.repeat(100_000)])(
    'does not guess what %.20s may mean',
    (name) => expect(nearestName(name, KNOWN)).toBeUndefined(),
  );

  it('takes the nearest of several', () => {
    expect(nearestName('targt', ['targets', 'target'])).toBe('target');
  });
});

describe('didYouMean', () => {
  it('continues a message, or leaves it as it is', () => {
    expect(didYouMean('timout', KNOWN)).toBe('; did you mean "timeout"?');
    expect(didYouMean('retry', KNOWN)).toBe('');
  });
});
