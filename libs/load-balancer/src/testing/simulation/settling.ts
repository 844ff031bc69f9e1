import type { Connecting } from '../../transport/node-transport.js';

/**
 * A promise in virtual time: what waits for it is told in the very moment in which it settles, rather than in a microtask that
 * would come after the simulation. Settles once, and serves one `then()`.
 */
export class Settling implements Connecting {
  private onSettled: ((error: Error | undefined) => void) | undefined;

  then(onFulfilled: () => void, onRejected: (error: unknown) => void): void {
    this.onSettled = (error) => (error === undefined ? onFulfilled() : onRejected(error));
  }

  settle(error?: Error): void {
    const { onSettled } = this;
    this.onSettled = undefined;
    onSettled?.(error);
  }
}
