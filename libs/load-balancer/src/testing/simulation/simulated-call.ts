import type { Observer } from 'rxjs';
import { isLoadBalancerError } from '../../errors.js';
import type { Measurements } from './measurements.js';

/** One call as its caller sees it, from when it is made until it settles. */
export class SimulatedCall implements Observer<unknown> {
  /** Requests that were sent for it. */
  attempts = 0;

  constructor(
    readonly startedAt: number,
    private readonly measurements: Measurements,
  ) {}

  next(): void {
    // What is answered does not matter, only when.
  }

  error(error: unknown): void {
    this.measurements.settled(this, isLoadBalancerError(error) ? error.code : 'HANDLER_ERROR');
  }

  complete(): void {
    this.measurements.settled(this);
  }
}
