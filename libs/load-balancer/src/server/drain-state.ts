/** What a process must know of a server to stop it in good order. */
export interface DrainableServer {
  readonly draining: boolean;
  /** Drains it; the same promise each time. */
  close(): Promise<void>;
}

interface DrainState {
  /** Servers that are draining. */
  readonly draining: Set<DrainableServer>;
  /** Servers to drain on SIGTERM. */
  readonly onSigterm: Set<DrainableServer>;
  /** Installed while there are any. */
  listener: (() => void) | undefined;
}

/** One state for the process: with two copies of this package, both see the same servers. */
const STATE_KEY = Symbol.for('nestjs-load-balancer.drain-state');
const shared = globalThis as unknown as Record<typeof STATE_KEY, DrainState | undefined>;
const state = (shared[STATE_KEY] ??= { draining: new Set(), onSigterm: new Set(), listener: undefined });

/** Is any server of this process draining? Then it wants no more traffic of any kind. */
export function isDraining(): boolean {
  return state.draining.size > 0;
}

/** Resolves when no server of this process is draining any more; it never rejects. */
export async function drained(): Promise<void> {
  await Promise.allSettled([...state.draining].map((server) => server.close()));
}

/** Keeps account of a server while it drains. */
export async function whileDraining(server: DrainableServer, drain: () => Promise<void>): Promise<void> {
  state.draining.add(server);
  try {
    await drain();
  } finally {
    state.draining.delete(server);
  }
}

/** From now on, SIGTERM drains the server before the process ends. */
export function drainOnSigterm(server: DrainableServer): void {
  state.onSigterm.add(server);
  if (state.listener) return;
  state.listener = onSigterm;
  // First, so that listeners which are there just once, and whose own doing it is to end the process, are still counted.
  process.prependListener('SIGTERM', onSigterm);
}

/** The server is not there to be drained any more. */
export function forgetSigterm(server: DrainableServer): void {
  state.onSigterm.delete(server);
  if (state.onSigterm.size > 0 || !state.listener) return;
  process.off('SIGTERM', state.listener);
  state.listener = undefined;
}

/**
 * Drains every server. When nobody else listens to the signal, it would have ended the process, and so it does afterwards;
 * otherwise (Nest's shutdown hooks, say) that is up to them.
 */
function onSigterm(): void {
  const alone = process.listenerCount('SIGTERM') === 1;
  void Promise.allSettled([...state.onSigterm].map((server) => server.close())).then(() => {
    if (alone && !state.listener) process.kill(process.pid, 'SIGTERM');
  });
}
