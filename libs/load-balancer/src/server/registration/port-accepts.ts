import { connect } from 'node:net';

const TIMEOUT = 1_000;

/** Resolves if somebody listens there now. A host that stands for all addresses is asked at one of them. */
export function portAccepts(host: string | undefined, port: number): Promise<void> {
  const address = host === undefined || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: TIMEOUT });
    const fail = (): void => {
      socket.destroy();
      reject(new Error(`nothing listens on port ${port} yet`));
    };
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', fail).once('error', fail);
  });
}
