import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointKey } from '../../cluster/endpoint.js';

/** Milliseconds: for one try, between two of them, and for all. */
const TIMEOUT = 1_000;
const INTERVAL = 50;
const PATIENCE = 5_000;

/**
 * Resolves once somebody listens there. A host that stands for all addresses is asked at one of them.
 *
 * @throws Error when nobody does within five seconds, or at the signal
 */
export async function portAccepts(host: string, port: number, signal: AbortSignal): Promise<void> {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const end = performance.now() + PATIENCE;
  while (!(await accepts(address, port))) {
    if (performance.now() >= end)
      throw new Error(`nothing listens on ${endpointKey({ host: address, port })} yet`);
    await sleep(INTERVAL, undefined, { signal, ref: false });
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT });
    const settle = (listens: boolean) => (): void => {
      socket.destroy();
      resolve(listens);
    };
    socket.once('connect', settle(true)).once('timeout', settle(false)).once('error', settle(false));
  });
}
