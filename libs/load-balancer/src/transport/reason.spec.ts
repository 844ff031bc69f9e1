import { describe, expect, it } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import { reasonOf } from './reason.js';

describe('reasonOf', () => {
  it('is the message of an error, of whatever realm', () => {
    expect(reasonOf(new Error('connect ECONNREFUSED 10.0.0.1:4001'))).toBe(
      'connect ECONNREFUSED 10.0.0.1:4001',
    );
    expect(reasonOf(runInNewContext(`new TypeError('foreign')`))).toBe('foreign');
  });

  it('names each failure of several once', () => {
    const errors = [new Error('refused'), new Error('unreachable'), new Error('refused')];
    expect(reasonOf(new AggregateError(errors))).toBe('refused; unreachable');
    expect(reasonOf(new AggregateError([], 'nothing tried'))).toBe('nothing tried');
  });

  it('makes the best of what is no error, or says nothing', () => {
    expect(reasonOf('gone')).toBe('gone');
    expect(reasonOf(undefined)).toBe('undefined');
    expect(reasonOf(new Error(''))).toBe('no reason was given');
    expect(reasonOf({ code: 'EPIPE' })).toBe('no reason was given');
  });
});
