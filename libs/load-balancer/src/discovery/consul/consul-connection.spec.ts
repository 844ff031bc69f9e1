import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consulConnection, type ConsulOptions } from './consul-connection.js';
import type { ConsulAccess } from './consul-target.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lb-consul-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const NOTHING: ConsulAccess = { address: undefined, token: undefined, tls: undefined };
const TARGET: ConsulAccess = { address: { host: 'target', port: 1 }, token: undefined, tls: undefined };

const connection = (access: ConsulAccess, env: Record<string, string> = {}, options: ConsulOptions = {}) =>
  consulConnection(access, options, env);

describe('consulConnection', () => {
  it('reaches the agent of this machine when nothing is said', async () => {
    expect(await connection(NOTHING)).toEqual({
      host: '127.0.0.1',
      port: 8500,
      token: undefined,
      tls: undefined,
    });
  });

  it.each([
    ['agent:8501', { host: 'agent', port: 8501, tls: undefined }],
    ['agent', { host: 'agent', port: 8500, tls: undefined }],
    ['http://10.0.0.1:8500/', { host: '10.0.0.1', port: 8500, tls: undefined }],
    ['https://[::1]:8501', { host: '::1', port: 8501, tls: {} }],
  ])('takes the address of CONSUL_HTTP_ADDR=%s', async (CONSUL_HTTP_ADDR, expected) => {
    expect(await connection(NOTHING, { CONSUL_HTTP_ADDR })).toMatchObject(expected);
  });

  it('prefers the address of the target, and then the scheme of the other does not count', async () => {
    const env = { CONSUL_HTTP_ADDR: 'https://other:1' };
    expect(await connection(TARGET, env)).toMatchObject({ host: 'target', port: 1, tls: undefined });
  });

  it('takes the token of the options, else of the target, else of the environment, else of its file', async () => {
    const CONSUL_HTTP_TOKEN_FILE = file('token', 'of-file\n');
    const env = { CONSUL_HTTP_TOKEN: 'of-environment', CONSUL_HTTP_TOKEN_FILE };
    const target = { ...TARGET, token: 'of-target' };
    expect(await connection(target, env, { token: 'of-options' })).toMatchObject({ token: 'of-options' });
    expect(await connection(target, env)).toMatchObject({ token: 'of-target' });
    expect(await connection(TARGET, env)).toMatchObject({ token: 'of-environment' });
    expect(await connection(TARGET, { CONSUL_HTTP_TOKEN_FILE })).toMatchObject({ token: 'of-file' });
  });

  it('reads the file of the token each time', async () => {
    const CONSUL_HTTP_TOKEN_FILE = file('token', 'first');
    expect(await connection(TARGET, { CONSUL_HTTP_TOKEN_FILE })).toMatchObject({ token: 'first' });
    file('token', 'second');
    expect(await connection(TARGET, { CONSUL_HTTP_TOKEN_FILE })).toMatchObject({ token: 'second' });
  });

  it.each<[boolean, ConsulOptions['tls'], boolean | undefined, string]>([
    [true, undefined, undefined, 'true'],
    [true, undefined, undefined, '1'],
    [false, undefined, undefined, 'false'],
    [false, undefined, undefined, ''],
    [false, undefined, false, 'true'],
    [true, undefined, true, 'false'],
    [true, true, false, 'false'],
    [true, {}, false, 'false'],
    [false, false, true, 'true'],
  ])('says TLS: %s, for options %j, ?tls=%s and CONSUL_HTTP_SSL=%s', async (expected, tls, ofTarget, ssl) => {
    const options = tls === undefined ? {} : { tls };
    const result = await connection({ ...TARGET, tls: ofTarget }, { CONSUL_HTTP_SSL: ssl }, options);
    expect(result.tls !== undefined).toBe(expected);
  });

  it('takes authority, certificate, key and server name of the environment, and of the options before them', async () => {
    const env = {
      CONSUL_HTTP_SSL: 'true',
      CONSUL_CACERT: file('ca', 'ca'),
      CONSUL_CLIENT_CERT: file('cert', 'cert'),
      CONSUL_CLIENT_KEY: file('key', 'key'),
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
    };
    const fromEnvironment = { ca: 'ca', cert: 'cert', key: 'key', servername: 'server.dc1.consul' };
    expect((await connection(TARGET, env)).tls).toEqual(fromEnvironment);
    expect((await connection(TARGET, env, { tls: { ca: 'mine' } })).tls).toEqual({
      ...fromEnvironment,
      ca: 'mine',
    });
  });

  it.each([
    [{ CONSUL_HTTP_ADDR: 'unix:///run/consul' }, /^CONSUL_HTTP_ADDR: expected host:port, http/],
    [{ CONSUL_HTTP_ADDR: 'http://user:s3cret@h:1' }, /^CONSUL_HTTP_ADDR: expected [^@]+$/],
    [{ CONSUL_HTTP_SSL: 'yes' }, /^CONSUL_HTTP_SSL: expected true or false$/],
    [
      { CONSUL_HTTP_TOKEN_FILE: '/does/not/exist' },
      /^CONSUL_HTTP_TOKEN_FILE: the file cannot be read \(ENOENT\)$/,
    ],
    [
      { CONSUL_HTTP_SSL: '1', CONSUL_CACERT: '/does/not/exist' },
      /^CONSUL_CACERT: the file cannot be read \(ENOENT\)$/,
    ],
  ])('refuses %j', (env, message) => expect(connection(NOTHING, env)).rejects.toThrow(message));
});
