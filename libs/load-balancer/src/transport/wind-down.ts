import type { Socket } from 'node:net';

/**
 * Sees a socket off on which `end()` has been called: it writes what it still holds and waits for the peer to close, but
 * neither for longer than `patience` milliseconds, nor as a reason for the process to go on.
 */
export function windDown(socket: Socket, patience: number): void {
  const timer = setTimeout(() => socket.destroy(), patience);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  // Until then there is something to lose.
  if (socket.writableFinished) socket.unref();
  else socket.once('finish', () => socket.unref());
}
