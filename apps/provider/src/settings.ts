import { hostname } from 'node:os';

/** Where this node listens and what it is called. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  /** What answers and logs call this node. */
  readonly node: string;
  /** The registry that it registers itself in, if any. */
  readonly register: string | undefined;
}

const MAX_NAME = 63;

/** A setting that cannot be used. The message is for whoever starts the app. */
export class SettingsError extends Error {}

/**
 * Reads `HOST` (127.0.0.1 by default), `PORT` (4001), `NODE_NAME` (`cities-<port>` or, where other machines can reach it,
 * the name of this machine or container) and `REGISTER` (`etcd://127.0.0.1:2379/cities`; nowhere by default), which the library checks.
 *
 * @param machine its name
 * @throws SettingsError with one line that names the variable, its value and what was expected
 */
export function readSettings(env: NodeJS.ProcessEnv, machine = hostname()): Settings {
  const port = env.PORT ?? '4001';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new SettingsError(`PORT: expected an integer from 1 to 65535, got ${JSON.stringify(port)}`);
  }
  const host = env.HOST ?? '127.0.0.1';
  if (host === '') throw new SettingsError('HOST: expected an address to listen on, got ""');
  const isLocal = /^(?:127\.|::1$|localhost$)/.test(host);
  const node = env.NODE_NAME ?? (isLocal ? `cities-${port}` : machine.slice(0, MAX_NAME));
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/i.test(node)) {
    throw new SettingsError(
      `NODE_NAME: expected up to ${MAX_NAME} letters, digits, dots, dashes and underscores, got ${JSON.stringify(node)}`,
    );
  }
  const register = env.REGISTER === '' ? undefined : env.REGISTER;
  return { host, port: Number(port), node, register };
}
