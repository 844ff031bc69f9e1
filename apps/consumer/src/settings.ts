/** Where the gateway listens. */
export interface Settings {
  readonly host: string;
  readonly port: number;
}

/** A setting that cannot be used. The message is for whoever starts the app. */
export class SettingsError extends Error {}

/**
 * Reads `HOST` (127.0.0.1 by default) and `PORT` (3000). Where the nodes are is read by the library itself, from
 * `LB_TARGET_CITIES`.
 *
 * @throws SettingsError with one line that names the variable, its value and what was expected
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const port = env.PORT ?? '3000';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new SettingsError(`PORT: expected an integer from 1 to 65535, got ${JSON.stringify(port)}`);
  }
  const host = env.HOST ?? '127.0.0.1';
  if (host === '') throw new SettingsError('HOST: expected an address to listen on, got ""');
  return { host, port: Number(port) };
}
