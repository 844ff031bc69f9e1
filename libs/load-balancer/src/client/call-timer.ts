import { DeadlineEntry } from '../context/deadlines.js';

/** What a call waits for before its next attempt: the end of the back-off, or the delay before a hedge. */
export type WaitsFor = 'retry' | 'hedge';

/** Wakes a call for its next attempt. Only calls that retry or hedge have one. */
export class CallTimer extends DeadlineEntry {
  constructor(
    private readonly call: { onTimer(reason: WaitsFor): void },
    private readonly reason: WaitsFor,
  ) {
    super();
  }

  override onDeadline(): void {
    this.call.onTimer(this.reason);
  }
}
