import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVER_CERT, SERVER_KEY } from '../../server/tls.spec.fixture.js';
import { parseTarget } from '../target.js';
import { checkEtcdOptions, etcdConnection, type EtcdOptions } from './etcd-options.js';
import { parseEtcdTarget, type EtcdTarget } from './etcd-target.js';

const folder = mkdtempSync(join(tmpdir(), 'lb-etcd-options-'));
const certPath = join(folder, 'cert.pem');
const keyPath = join(folder, 'key.pem');
writeFileSync(certPath, SERVER_CERT);
writeFileSync(keyPath, SERVER_KEY);
afterAll(() => rmSync(folder, { recursive: true }));

function target(uri: string): EtcdTarget {
  const parsed = parseTarget(uri);
  const etcd = parsed.ok ? parseEtcdTarget(parsed.value) : parsed;
  if (!etcd.ok) throw new Error(etcd.problem);
  return etcd.value;
}
const PLAIN = target('etcd://h:2379/orders');

describe('what etcd is reached with', () => {
  it('is plain text without a user, unless anything says otherwise', async () => {
    expect(await etcdConnection(PLAIN, {}, {})).toEqual({
      hosts: ['h:2379'],
      auth: undefined,
      tls: undefined,
    });
  });

  it('takes the user of the target, then of the options, then of the environment', async () => {
    const env = { LB_ETCD_USERNAME: 'env', LB_ETCD_PASSWORD: 'e' };
    const options = { username: 'options', password: 'o' };
    const named = target('etcd://target:t@h:2379/orders');
    expect((await etcdConnection(named, options, env)).auth).toEqual({ username: 'target', password: 't' });
    expect((await etcdConnection(PLAIN, options, env)).auth).toEqual({ username: 'options', password: 'o' });
    expect((await etcdConnection(PLAIN, {}, env)).auth).toEqual({ username: 'env', password: 'e' });
  });

  it('refuses half of a user', async () => {
    await expect(etcdConnection(PLAIN, {}, { LB_ETCD_PASSWORD: 's3cret' })).rejects.toThrow(
      'expected both LB_ETCD_USERNAME and LB_ETCD_PASSWORD, or neither',
    );
  });

  it('takes an empty variable as one that is not set, which is how compose files pass those on', async () => {
    const none = { LB_ETCD_USERNAME: '', LB_ETCD_PASSWORD: '', LB_ETCD_CA: '' };
    expect(await etcdConnection(PLAIN, {}, none)).toMatchObject({ auth: undefined, tls: undefined });
    await expect(
      etcdConnection(PLAIN, {}, { LB_ETCD_USERNAME: 'env', LB_ETCD_PASSWORD: '' }),
    ).rejects.toThrow('expected both LB_ETCD_USERNAME and LB_ETCD_PASSWORD, or neither');
  });

  it('reads certificates from the files that target or environment name', async () => {
    const query = new URLSearchParams({ ca: certPath, cert: certPath, key: keyPath }).toString();
    const [cert, key] = [Buffer.from(SERVER_CERT), Buffer.from(SERVER_KEY)];
    expect((await etcdConnection(target(`etcd://h/orders?${query}`), {}, {})).tls).toEqual({
      ca: cert,
      cert,
      key,
    });
    expect((await etcdConnection(PLAIN, {}, { LB_ETCD_CA: certPath })).tls).toEqual({ ca: cert });
    expect((await etcdConnection(target('etcd://h/orders?tls=true'), {}, {})).tls).toEqual({});
    expect(
      (await etcdConnection(target('etcd://h/orders?tls=false'), {}, { LB_ETCD_CA: certPath })).tls,
    ).toBeUndefined();
  });

  it('names the variable whose file is missing or is no PEM, and not the path', async () => {
    const none = join(folder, 'none.pem');
    await expect(etcdConnection(PLAIN, {}, { LB_ETCD_CA: none })).rejects.toThrow(
      /^the file of LB_ETCD_CA cannot be read \(ENOENT\)$/,
    );
    const empty = join(folder, 'empty.pem');
    writeFileSync(empty, 'hello');
    await expect(etcdConnection(PLAIN, {}, { LB_ETCD_CA: empty })).rejects.toThrow(
      /^the file of LB_ETCD_CA holds no PEM$/,
    );
  });
});

describe('options of etcd', () => {
  it.each<[unknown, string]>([
    [{ usrname: 'a' }, 'EtcdResolver.usrname: unknown option; did you mean "username"?'],
    [{ username: 'a' }, 'EtcdResolver.password: missing; expected both username and password'],
    [{ username: '', password: 'x' }, 'EtcdResolver.username: expected a string, got an empty string'],
    [{ username: 'a', password: 5 }, 'EtcdResolver.password: expected a string, got 5'],
    [{ ca: {} }, 'EtcdResolver.ca: expected a string or a Buffer, with PEM, got an object'],
    [{ key: 'pem' }, 'EtcdResolver.cert: missing; expected both cert and key'],
  ])('%j are refused', (options, message) => {
    expect(() => checkEtcdOptions(options as EtcdOptions, 'EtcdResolver')).toThrow(message);
  });
});
