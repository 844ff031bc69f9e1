import type { RefusalReason } from '../transport/reply-trailer.js';

/** Why a request is not served: no handler runs for it. */
export interface RequestRefusal {
  readonly reason: RefusalReason;
  /** Milliseconds after which there may be room. */
  readonly retryAfter?: number;
}

/** What stands in `err` of a refusal, in the shape of Nest's own error replies: all that a stock client sees of it. */
export interface RefusalError {
  readonly status: 'error';
  readonly message: string;
  readonly code: 'DRAINING' | 'DEADLINE_EXCEEDED' | 'OVERLOADED';
  readonly retryAfter?: number;
}

export const DRAINING: RequestRefusal = Object.freeze({ reason: 'draining' });
export const EXPIRED: RequestRefusal = Object.freeze({ reason: 'expired' });

export function refusalError({ reason, retryAfter }: RequestRefusal): RefusalError {
  switch (reason) {
    case 'draining':
      return { status: 'error', message: 'The server is about to stop', code: 'DRAINING' };
    case 'expired':
      return {
        status: 'error',
        message: 'The deadline of the request passed before it could be served',
        code: 'DEADLINE_EXCEEDED',
      };
    case 'overloaded':
      return {
        status: 'error',
        message: 'The server has more to do than it can',
        code: 'OVERLOADED',
        ...(retryAfter !== undefined && { retryAfter }),
      };
  }
}
