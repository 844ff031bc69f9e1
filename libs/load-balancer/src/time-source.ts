/**
 * Time and chance, as whatever waits or draws lots takes them: those of the system, or those of a simulation, in which the
 * same code lives through an hour within a second.
 */
export interface TimeSource {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The wall clock in milliseconds; only shown. */
  readonly wall: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /**
   * Runs `callback` once after at least `delay` milliseconds. Returns what prevents it.
   *
   * @param keepsAlive is it a reason for the process to go on? Not by default.
   */
  readonly setTimer: (callback: () => void, delay: number, keepsAlive?: boolean) => () => void;
  /** Runs `callback` every `period` milliseconds, without keeping the process alive. Returns what ends it. */
  readonly every: (callback: () => void, period: number) => () => void;
  /** Runs `callback` once the I/O that is pending now has been handled. */
  readonly afterPendingIo: (callback: () => void) => void;
}

/** The real ones. */
export const SYSTEM_TIME: TimeSource = {
  now: () => performance.now(),
  wall: () => Date.now(),
  random: () => Math.random(),
  setTimer: (callback, delay, keepsAlive = false) => {
    const timer = setTimeout(callback, delay);
    if (!keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  },
  every: (callback, period) => {
    const timer = setInterval(callback, period).unref();
    return () => clearInterval(timer);
  },
  // From a timer's callback, the poll phase (sockets) comes before the check phase (immediates).
  afterPendingIo: (callback) => void setImmediate(callback),
};
