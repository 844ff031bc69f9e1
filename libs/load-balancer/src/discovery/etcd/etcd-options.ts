import { readFile } from 'node:fs/promises';
import { endpointKey } from '../../cluster/endpoint.js';
import type { OptionsProblem } from '../../errors.js';
import {
  isObject,
  optionsProblems,
  throwProblems,
  type OptionCheck,
  type OptionChecks,
} from '../check-options.js';
import type { Environment } from '../environment.js';
import type { EtcdTarget } from './etcd-target.js';

/**
 * How to reach etcd, for every target of a resolver or registrar. What the target itself says comes first, then these,
 * then the environment: `LB_ETCD_USERNAME`, `LB_ETCD_PASSWORD`, and `LB_ETCD_CA`, `LB_ETCD_CERT`, `LB_ETCD_KEY` with
 * the paths of PEM files.
 */
export interface EtcdOptions {
  /** The user of role auth; needs `password`. */
  username?: string;
  password?: string;
  /** The authorities to trust (PEM); those of the system by default. Like the next two, it switches TLS on. */
  ca?: string | Buffer;
  /** The client's certificate (PEM), for mutual TLS; needs `key`. */
  cert?: string | Buffer;
  /** The private key of `cert` (PEM). */
  key?: string | Buffer;
}

/** What a client of etcd is made with. */
export interface EtcdConnection {
  /** `10.0.0.9:2379`, `[::1]:2379` */
  readonly hosts: readonly string[];
  readonly auth: { readonly username: string; readonly password: string } | undefined;
  /** `undefined` for plain text. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
}

type TlsField = 'ca' | 'cert' | 'key';

const VARIABLE: Readonly<Record<keyof EtcdOptions, string>> = {
  username: 'LB_ETCD_USERNAME',
  password: 'LB_ETCD_PASSWORD',
  ca: 'LB_ETCD_CA',
  cert: 'LB_ETCD_CERT',
  key: 'LB_ETCD_KEY',
};

const text: OptionCheck = (value) => (typeof value === 'string' && value !== '' ? undefined : 'a string');
const pem: OptionCheck = (value) =>
  Buffer.isBuffer(value) || text(value) === undefined ? undefined : 'a string or a Buffer, with PEM';

const OPTIONS: OptionChecks<EtcdOptions> = { username: text, password: text, ca: pem, cert: pem, key: pem };

/** @throws InvalidOptionsError with every problem; no string is shown. */
export function checkEtcdOptions(options: EtcdOptions, path: string): void {
  const problems = optionsProblems(options, path, OPTIONS);
  if (isObject(options))
    problems.push(
      ...together(options, path, 'username', 'password'),
      ...together(options, path, 'cert', 'key'),
    );
  throwProblems(problems);
}

/** What is wrong with two options of which neither is of use alone. */
function together(
  options: EtcdOptions,
  path: string,
  one: keyof EtcdOptions,
  other: keyof EtcdOptions,
): OptionsProblem[] {
  if ((options[one] === undefined) === (options[other] === undefined)) return [];
  const missing = options[one] === undefined ? one : other;
  return [{ path: `${path}.${missing}`, message: `missing; expected both ${one} and ${other}` }];
}

/**
 * Brings together what the target, the options and the environment say. The files are read each time: certificates are
 * renewed while a process runs.
 *
 * @throws Error that names the variable or parameter, and holds no secret
 */
export async function etcdConnection(
  target: EtcdTarget,
  options: EtcdOptions,
  env: Environment,
): Promise<EtcdConnection> {
  const hosts = target.endpoints.map(endpointKey);
  return { hosts, auth: authOf(target, options, env), tls: await tlsOf(target, options, env) };
}

function authOf(target: EtcdTarget, options: EtcdOptions, env: Environment): EtcdConnection['auth'] {
  const source = [target, options].find(({ username }) => username !== undefined) ?? {
    username: variable(env, 'username'),
    password: variable(env, 'password'),
  };
  const { username, password } = source;
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined)
    throw new Error(`expected both ${VARIABLE.username} and ${VARIABLE.password}, or neither`);
  return { username, password };
}

async function tlsOf(
  target: EtcdTarget,
  options: EtcdOptions,
  env: Environment,
): Promise<EtcdConnection['tls']> {
  if (target.tls === false) return undefined;
  const read = async (field: TlsField): Promise<Buffer | undefined> => {
    const file = target.files[field];
    if (file !== undefined) return readPem(file, `the parameter ${field}`);
    const given = options[field];
    if (given !== undefined) return Buffer.from(given);
    const path = variable(env, field);
    return path === undefined ? undefined : readPem(path, VARIABLE[field]);
  };
  const [ca, cert, key] = [await read('ca'), await read('cert'), await read('key')];
  if (target.tls === undefined && !ca && !cert && !key) return undefined;
  if ((cert === undefined) !== (key === undefined))
    throw new Error(`a client certificate needs both ${VARIABLE.cert} and ${VARIABLE.key}`);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

/** One that is empty is not set: this is how compose files pass on what they have not been given. */
function variable(env: Environment, field: keyof EtcdOptions): string | undefined {
  const value = env[VARIABLE[field]];
  return value === '' ? undefined : value;
}

/** The path stays out of the message: a path given as `key` is hidden wherever the target is shown. */
async function readPem(path: string, source: string): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`the file of ${source} cannot be read${code === undefined ? '' : ` (${code})`}`, {
      cause: error,
    });
  }
  if (!content.includes('-----BEGIN ')) throw new Error(`the file of ${source} holds no PEM`);
  return content;
}
