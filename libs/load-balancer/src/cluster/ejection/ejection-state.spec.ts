import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ejectionTransition,
  NEVER_EJECTED,
  type EjectionEvent,
  type EjectionState,
} from './ejection-state.js';

const times = { baseEjectionTime: 30_000, maxEjectionTime: 300_000 };

function after(...events: EjectionEvent[]): EjectionState {
  return events.reduce<EjectionState>(
    (state, event) => ejectionTransition(state, event, times),
    NEVER_EJECTED,
  );
}

const found = (now: number): EjectionEvent => ({ type: 'found', reason: 'bad', now });
const passed = (now: number): EjectionEvent => ({ type: 'passed', now });

describe('an ejected node', () => {
  it('is out for the base time, then has a trial, and is back when that succeeds', () => {
    expect(after(found(1_000))).toEqual({ kind: 'ejected', multiplier: 1, until: 31_000, reason: 'bad' });
    expect(after(found(1_000), passed(30_999))).toMatchObject({ kind: 'ejected' });
    expect(after(found(1_000), passed(31_000))).toMatchObject({ kind: 'half-open', trial: 'due' });
    const back = after(found(1_000), passed(31_000), { type: 'tried' }, { type: 'succeeded' });
    expect(back).toEqual({ kind: 'admitted', multiplier: 1 });
  });

  it('is out for longer each time, up to the maximum', () => {
    let state = NEVER_EJECTED;
    const lengths: number[] = [];
    for (let time = 0; time < 12; time++) {
      state = ejectionTransition(state, found(0), times);
      if (state.kind === 'ejected') lengths.push(state.until);
      state = ejectionTransition(state, passed(1e9), times);
      state = ejectionTransition(state, { type: 'succeeded' }, times);
    }
    expect(lengths.slice(0, 3)).toEqual([30_000, 60_000, 90_000]);
    expect(lengths.slice(-3)).toEqual([300_000, 300_000, 300_000]);
  });

  it('is out for the base time even when the maximum is less', () => {
    const odd = { baseEjectionTime: 30_000, maxEjectionTime: 1_000 };
    expect(ejectionTransition(NEVER_EJECTED, found(0), odd)).toMatchObject({ until: 30_000 });
  });

  it('is out again, for longer, when its trial fails', () => {
    const again = after(
      found(0),
      passed(30_000),
      { type: 'tried' },
      { type: 'failed', reason: 'no', now: 30_010 },
    );
    expect(again).toEqual({ kind: 'ejected', multiplier: 2, until: 90_010, reason: 'no' });
  });

  it('has another trial when the first one told nothing, but not at once', () => {
    const events = [found(0), passed(30_000), { type: 'tried' }, { type: 'undecided' }] as const;
    expect(after(...events)).toMatchObject({ kind: 'half-open', trial: 'undecided' });
    expect(after(...events, passed(31_000))).toMatchObject({ kind: 'half-open', trial: 'due' });
  });

  it('is forgiven one ejection for each clean sweep', () => {
    const back: EjectionEvent[] = [found(0), passed(1e9), { type: 'succeeded' }];
    expect(after(...back, ...back, { type: 'swept' })).toEqual({ kind: 'admitted', multiplier: 1 });
    expect(after(...back, { type: 'swept' }, { type: 'swept' })).toEqual({ kind: 'admitted', multiplier: 0 });
  });

  it('is never admitted but by a success, whatever happens in whatever order', () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant('passed' as const), now: fc.nat(1e9) }),
      fc.record({ type: fc.constant('found' as const), now: fc.nat(1e9), reason: fc.constant('') }),
      fc.record({ type: fc.constant('failed' as const), now: fc.nat(1e9), reason: fc.constant('') }),
      fc.record({ type: fc.constantFrom('swept' as const, 'tried' as const, 'undecided' as const) }),
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        expect(after(found(0), ...events).kind).not.toBe('admitted');
      }),
    );
  });
});
