import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DISCONNECTED, probeTransition, type ProbeEvent, type ProbeState } from './probe-state.js';

const thresholds = { healthyThreshold: 2, unhealthyThreshold: 3 };
const connected: ProbeEvent = { type: 'connected' };
const succeeded: ProbeEvent = { type: 'succeeded' };
const failed: ProbeEvent = { type: 'failed', reason: 'no answer within 500 ms' };

function after(...events: ProbeEvent[]): ProbeState {
  return events.reduce((state, event) => probeTransition(state, event, thresholds), DISCONNECTED);
}

const anyThresholds = fc.record({
  healthyThreshold: fc.integer({ min: 1, max: 4 }),
  unhealthyThreshold: fc.integer({ min: 1, max: 4 }),
});
const anyEvent = fc.oneof(
  { weight: 1, arbitrary: fc.constant<ProbeEvent>(connected) },
  { weight: 1, arbitrary: fc.constant<ProbeEvent>({ type: 'disconnected' }) },
  { weight: 5, arbitrary: fc.constant<ProbeEvent>(succeeded) },
  { weight: 5, arbitrary: fc.constant<ProbeEvent>(failed) },
);
const anyHistory = fc.array(anyEvent, { maxLength: 40 });

/** How many events of this type the history ends with, since the last connect. */
function streak(history: readonly ProbeEvent[], type: ProbeEvent['type']): number {
  const other = history.findLastIndex((event) => event.type !== type);
  return history.length - 1 - other;
}

describe('probe state', () => {
  it('admits a node with the first answer after its connection was made', () => {
    expect(after(connected, succeeded)).toMatchObject({ kind: 'healthy', failures: 0 });
    expect(after(connected, failed, succeeded)).toMatchObject({ kind: 'healthy', failures: 0 });
  });

  it('takes a node out after `unhealthyThreshold` failures in a row, and says why', () => {
    expect(after(connected, succeeded, failed, failed)).toMatchObject({ kind: 'healthy', failures: 2 });
    expect(after(connected, succeeded, failed, failed, failed)).toEqual({
      kind: 'unhealthy',
      successes: 0,
      reason: '3 probes in a row failed: no answer within 500 ms',
    });
  });

  it('forgets failures at the first answer', () => {
    expect(after(connected, succeeded, failed, failed, succeeded, failed, failed).kind).toBe('healthy');
  });

  it('takes out a node that never answered, too', () => {
    expect(after(connected, failed, failed, failed).kind).toBe('unhealthy');
  });

  it('brings a node back after `healthyThreshold` answers in a row', () => {
    const down = [connected, failed, failed, failed];
    expect(after(...down, succeeded).kind).toBe('unhealthy');
    expect(after(...down, succeeded, failed, succeeded).kind).toBe('unhealthy');
    expect(after(...down, succeeded, succeeded)).toEqual({
      kind: 'healthy',
      failures: 0,
      reason: '2 probes in a row answered',
    });
  });

  it('starts anew with each connection', () => {
    expect(after(connected, failed, failed, failed, connected, succeeded).kind).toBe('healthy');
    expect(after(connected, succeeded, connected)).toEqual({ kind: 'pending', failures: 0 });
  });

  it('words a threshold of one as one probe', () => {
    const one = { healthyThreshold: 1, unhealthyThreshold: 1 };
    const down = probeTransition({ kind: 'pending', failures: 0 }, failed, one);
    expect(down).toMatchObject({ reason: 'a probe failed: no answer within 500 ms' });
    expect(probeTransition(down, succeeded, one)).toMatchObject({ reason: 'a probe answered' });
  });

  it('gives the same object back when nothing changed', () => {
    const up = after(connected, succeeded);
    expect(probeTransition(up, succeeded, thresholds)).toBe(up);
    const down = after(connected, failed, failed, failed);
    expect(probeTransition(down, failed, thresholds)).toBe(down);
  });
});

describe('probe state, over any history', () => {
  it('is never healthy after a full streak of failures, and never unhealthy before one', () => {
    fc.assert(
      fc.property(anyHistory, anyThresholds, (history, limits) => {
        let state = DISCONNECTED;
        for (const [i, event] of history.entries()) {
          const next = probeTransition(state, event, limits);
          const failures = streak(history.slice(0, i + 1), 'failed');
          if (failures >= limits.unhealthyThreshold) expect(next.kind).not.toBe('healthy');
          if (next.kind === 'unhealthy' && state.kind !== 'unhealthy') {
            expect(failures).toBeGreaterThanOrEqual(limits.unhealthyThreshold);
          }
          state = next;
        }
      }),
    );
  });

  it('leaves unhealthy only for a full streak of answers or another connection', () => {
    fc.assert(
      fc.property(anyHistory, anyThresholds, (history, limits) => {
        let state = DISCONNECTED;
        for (const [i, event] of history.entries()) {
          const next = probeTransition(state, event, limits);
          if (state.kind === 'unhealthy' && next.kind === 'healthy') {
            expect(streak(history.slice(0, i + 1), 'succeeded')).toBeGreaterThanOrEqual(
              limits.healthyThreshold,
            );
          }
          state = next;
        }
      }),
    );
  });

  it('is always healthy after a full streak of answers on a connection', () => {
    fc.assert(
      fc.property(anyHistory, anyThresholds, (history, limits) => {
        const events = [connected, ...history, ...Array<ProbeEvent>(limits.healthyThreshold).fill(succeeded)];
        const end = events.reduce((state, event) => probeTransition(state, event, limits), DISCONNECTED);
        const isConnected =
          events.findLastIndex((event) => event.type === 'connected') >
          events.findLastIndex((event) => event.type === 'disconnected');
        expect(end.kind).toBe(isConnected ? 'healthy' : 'disconnected');
      }),
    );
  });
});
