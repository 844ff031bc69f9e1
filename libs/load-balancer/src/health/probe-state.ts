/** How many probes in a row it takes to change the verdict; both are at least 1. */
export interface ProbeThresholds {
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** What the active probes know of one node. */
export type ProbeState =
  /** No connection, so nothing to probe. What was known before says nothing about the process that comes next. */
  | { readonly kind: 'disconnected' }
  /** Connected, no probe answered yet: the first answer admits the node at once, as in Envoy. */
  | { readonly kind: 'pending'; readonly failures: number }
  /** It answers. `failures` in a row so far, fewer than the threshold. */
  | { readonly kind: 'healthy'; readonly failures: number; readonly reason: string }
  /** It does not. `successes` in a row so far, fewer than the threshold. */
  | { readonly kind: 'unhealthy'; readonly successes: number; readonly reason: string };

export type ProbeEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'succeeded' }
  /** `reason`: why, in a few words: `no answer within 500 ms`. */
  | { readonly type: 'failed'; readonly reason: string };

export const DISCONNECTED: ProbeState = { kind: 'disconnected' };
const JUST_CONNECTED: ProbeState = { kind: 'pending', failures: 0 };

/** The state after an event; the same object when nothing changed. */
export function probeTransition(
  state: ProbeState,
  event: ProbeEvent,
  thresholds: ProbeThresholds,
): ProbeState {
  switch (event.type) {
    case 'connected':
      return JUST_CONNECTED;
    case 'disconnected':
      return DISCONNECTED;
    case 'succeeded':
      return afterSuccess(state, thresholds.healthyThreshold);
    case 'failed':
      return afterFailure(state, event.reason, thresholds.unhealthyThreshold);
  }
}

function afterSuccess(state: ProbeState, threshold: number): ProbeState {
  switch (state.kind) {
    case 'disconnected':
      return state;
    case 'pending':
      return { kind: 'healthy', failures: 0, reason: 'answered a probe after connecting' };
    case 'healthy':
      return state.failures === 0 ? state : { ...state, failures: 0 };
    case 'unhealthy': {
      const successes = state.successes + 1;
      if (successes < threshold) return { ...state, successes };
      return { kind: 'healthy', failures: 0, reason: `${inARow(successes)} answered` };
    }
  }
}

function afterFailure(state: ProbeState, reason: string, threshold: number): ProbeState {
  switch (state.kind) {
    case 'disconnected':
      return state;
    case 'pending':
    case 'healthy': {
      const failures = state.failures + 1;
      if (failures < threshold) return { ...state, failures };
      return { kind: 'unhealthy', successes: 0, reason: `${inARow(failures)} failed: ${reason}` };
    }
    case 'unhealthy':
      return state.successes === 0 ? state : { ...state, successes: 0 };
  }
}

function inARow(probes: number): string {
  return probes === 1 ? 'a probe' : `${probes} probes in a row`;
}
