/** What the calls to a node have led to. Times are monotonic milliseconds. */
export type EjectionState =
  /** Takes calls. `multiplier`: how often it was ejected, less its clean sweeps since. */
  | { readonly kind: 'admitted'; readonly multiplier: number }
  /** Takes none until its time is over. */
  | { readonly kind: 'ejected'; readonly multiplier: number; readonly until: number; readonly reason: string }
  /** Its time is over: one call shows whether it is well. `undecided`: the last one did not, and it has to wait a moment. */
  | {
      readonly kind: 'half-open';
      readonly multiplier: number;
      readonly reason: string;
      readonly trial: 'due' | 'under way' | 'undecided';
    };

export type EjectionEvent =
  /** The node was found to be an outlier. */
  | { readonly type: 'found'; readonly reason: string; readonly now: number }
  /** A sweep has found nothing wrong with it. */
  | { readonly type: 'swept' }
  /** Time has passed. */
  | { readonly type: 'passed'; readonly now: number }
  /** A call was sent to it to see whether it is well. */
  | { readonly type: 'tried' }
  | { readonly type: 'succeeded' }
  | { readonly type: 'failed'; readonly reason: string; readonly now: number }
  /** Its probes had failed, too, and succeed again: what was wrong with it is over (Envoy: uneject by active health check). */
  | { readonly type: 'recovered' }
  /** The call ended in a way that tells nothing of the node. */
  | { readonly type: 'undecided' };

/** How long a node is out. */
export interface EjectionTimes {
  /** Milliseconds for the first time. */
  readonly baseEjectionTime: number;
  readonly maxEjectionTime: number;
}

export const NEVER_EJECTED: EjectionState = { kind: 'admitted', multiplier: 0 };

/** The state after an event; the same object when nothing changed. */
export function ejectionTransition(
  state: EjectionState,
  event: EjectionEvent,
  times: EjectionTimes,
): EjectionState {
  switch (state.kind) {
    case 'admitted':
      if (event.type === 'found') return eject(state.multiplier, event, times);
      // gRFC A50: a node that has been well for as many sweeps as it was ejected starts anew.
      if (event.type === 'swept' && state.multiplier > 0)
        return { kind: 'admitted', multiplier: state.multiplier - 1 };
      return state;
    case 'ejected':
      if (event.type === 'recovered') return { kind: 'admitted', multiplier: state.multiplier };
      if (event.type !== 'passed' || event.now < state.until) return state;
      return { kind: 'half-open', multiplier: state.multiplier, reason: state.reason, trial: 'due' };
    case 'half-open':
      return afterTrial(state, event, times);
  }
}

function afterTrial(
  state: Extract<EjectionState, { kind: 'half-open' }>,
  event: EjectionEvent,
  times: EjectionTimes,
): EjectionState {
  switch (event.type) {
    case 'tried':
      return state.trial === 'under way' ? state : { ...state, trial: 'under way' };
    case 'succeeded':
    case 'recovered':
      return { kind: 'admitted', multiplier: state.multiplier };
    case 'failed':
      return eject(state.multiplier, event, times);
    case 'undecided':
      return state.trial === 'under way' ? { ...state, trial: 'undecided' } : state;
    case 'passed':
      return state.trial === 'undecided' ? { ...state, trial: 'due' } : state;
    case 'found':
    case 'swept':
      return state;
  }
}

/** gRFC A50: min(base × multiplier, max(base, maximum)). */
function eject(
  before: number,
  { reason, now }: { readonly reason: string; readonly now: number },
  { baseEjectionTime, maxEjectionTime }: EjectionTimes,
): EjectionState {
  const multiplier = before + 1;
  const time = Math.min(baseEjectionTime * multiplier, Math.max(baseEjectionTime, maxEjectionTime));
  return { kind: 'ejected', multiplier, until: now + time, reason };
}
