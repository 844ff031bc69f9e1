import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Environment } from '../environment.js';
import type { HostPort } from '../host-port.js';
import { parseAddress, type ConsulAccess } from './consul-target.js';

/** What of Node's TLS options means something to a client of Consul. */
export type ConsulTlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'rejectUnauthorized' | 'servername'
>;

/** How to reach Consul's agents; what is not given here is taken from the target, then from the environment. */
export interface ConsulOptions {
  /** An ACL token. By default `?token=` of the target, `CONSUL_HTTP_TOKEN`, or what the file `CONSUL_HTTP_TOKEN_FILE` holds. */
  readonly token?: string;
  /**
   * TLS with these options, as Node's `tls.connect()` takes them, or plain HTTP with `false`. By default `?tls=` of the
   * target or `CONSUL_HTTP_SSL`, with the files that `CONSUL_CACERT`, `CONSUL_CLIENT_CERT` and `CONSUL_CLIENT_KEY` name, and
   * the name `CONSUL_TLS_SERVER_NAME`.
   */
  readonly tls?: boolean | ConsulTlsOptions;
}

/** Everything that a request needs to know. */
export interface ConsulConnection extends HostPort {
  readonly token: string | undefined;
  /** `undefined` for plain HTTP. */
  readonly tls: ConsulTlsOptions | undefined;
}

const LOCAL_AGENT: HostPort = { host: '127.0.0.1', port: 8_500 };

/**
 * Puts together how to reach the agent: the options first, then the target, then the environment, with the names that
 * Consul's own tools read. It reads files each time, so that tokens and certificates may be rotated.
 *
 * @throws when the environment is wrong or a file cannot be read; the message holds no secret
 */
export async function consulConnection(
  access: ConsulAccess,
  options: ConsulOptions,
  env: Environment = process.env,
): Promise<ConsulConnection> {
  const fromEnvironment = access.address === undefined ? addressOf(env.CONSUL_HTTP_ADDR) : undefined;
  const encrypted =
    options.tls === undefined
      ? (access.tls ?? fromEnvironment?.tls ?? switchOf('CONSUL_HTTP_SSL', env))
      : options.tls !== false;
  return {
    ...(access.address ?? fromEnvironment?.address ?? LOCAL_AGENT),
    token: options.token ?? access.token ?? (await tokenOf(env)),
    tls: encrypted ? await tlsOf(options.tls, env) : undefined,
  };
}

/** `host:port`, `http://host:port` or `https://host:port` */
function addressOf(text: string | undefined): { address: HostPort; tls: boolean | undefined } | undefined {
  if (text === undefined || text === '') return undefined;
  const [, scheme, rest = ''] = /^(?:(https?):\/\/)?(.*?)\/?$/s.exec(text) ?? [];
  const address = parseAddress(rest);
  if (!address.ok || address.value === undefined)
    throw new Error('CONSUL_HTTP_ADDR: expected host:port, http://host:port or https://host:port');
  return { address: address.value, tls: scheme === undefined ? undefined : scheme === 'https' };
}

/** A switch, in the words that Consul's tools take (Go's `strconv.ParseBool`). */
function switchOf(name: string, env: Environment): boolean {
  const text = env[name] ?? '';
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:|0|f|false)$/i.test(text)) return false;
  throw new Error(`${name}: expected true or false`);
}

async function tokenOf(env: Environment): Promise<string | undefined> {
  const { CONSUL_HTTP_TOKEN: token, CONSUL_HTTP_TOKEN_FILE: file } = env;
  if (token !== undefined && token !== '') return token;
  if (file === undefined || file === '') return undefined;
  return (await read('CONSUL_HTTP_TOKEN_FILE', file)).trim();
}

async function tlsOf(
  options: boolean | ConsulTlsOptions | undefined,
  env: Environment,
): Promise<ConsulTlsOptions> {
  const file = (name: string): Promise<string | undefined> => {
    const path = env[name];
    return path === undefined || path === '' ? Promise.resolve(undefined) : read(name, path);
  };
  const ca = await file('CONSUL_CACERT');
  const cert = await file('CONSUL_CLIENT_CERT');
  const key = await file('CONSUL_CLIENT_KEY');
  const servername = env.CONSUL_TLS_SERVER_NAME;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && servername !== '' && { servername }),
    ...(typeof options === 'object' && options),
  };
}

async function read(variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(
      `${variable}: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
      {
        cause: error,
      },
    );
  }
}
