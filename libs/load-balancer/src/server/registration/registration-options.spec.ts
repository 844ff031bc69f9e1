import { describe, expect, it } from '@jest/globals';
import { BalancedTcpServer } from '../balanced-tcp-server.js';
import { RegistrationModule } from './registration.module.js';
import { resolveRegister } from './registration-options.js';

const TARGET = 'etcd://10.0.0.9:2379/orders';
const register = (value: unknown, others: object = { service: 'orders' }) =>
  new BalancedTcpServer({ ...others, register: value } as never);

describe('register', () => {
  it.each<[unknown, string]>([
    [
      5,
      'BalancedTcpServer.register: expected a target such as etcd://10.0.0.9:2379/orders, a list of targets, or an object with a target, got 5',
    ],
    [
      [],
      'BalancedTcpServer.register: expected at least one target such as etcd://10.0.0.9:2379/orders, got an empty array',
    ],
    ['10.0.0.9:2379', 'BalancedTcpServer.register: expected a URI; did you mean'],
    [
      'etdc://10.0.0.9/orders',
      'BalancedTcpServer.register: nobody can register with "etdc://10.0.0.9/orders"',
    ],
    [[TARGET, 'etcd:///orders'], 'BalancedTcpServer.register[1]: expected at least one endpoint'],
    [
      {},
      'BalancedTcpServer.register.target: expected a target such as etcd://10.0.0.9:2379/orders, got undefined',
    ],
    [
      { target: TARGET, wieght: 2 },
      'BalancedTcpServer.register.wieght: unknown option; did you mean "weight"?',
    ],
    [
      { target: TARGET, weight: -1 },
      'BalancedTcpServer.register.weight: expected a number from 0 to 65535, got -1',
    ],
    [
      { target: TARGET, advertise: 'a b' },
      'BalancedTcpServer.register.advertise: expected a port after the host',
    ],
    [
      { target: TARGET, version: '' },
      'BalancedTcpServer.register.version: expected a string of 1 to 128 characters',
    ],
    [
      { target: TARGET, metadata: { a: 1 } },
      'BalancedTcpServer.register.metadata: expected a string as "a", got 1',
    ],
    [
      { target: TARGET, ttl: 1_000 },
      'BalancedTcpServer.register.target: ttl: expected an integer from 2000 to 3600000 (milliseconds), got "1000"',
    ],
  ])('%j is refused', (value, message) => {
    expect(() => register(value)).toThrow(message);
  });

  it('needs the name of the service, and is needed by registrars', () => {
    expect(() => register(TARGET, {})).toThrow('BalancedTcpServer.service: missing');
    expect(() => new BalancedTcpServer({ registrars: [] })).toThrow(
      'BalancedTcpServer.registrars: has no meaning',
    );
  });

  it('shows no password of a target that is refused', () => {
    expect(() => register('etcd://u:s3cret@10.0.0.9:99999/orders')).toThrow(
      'port out of range: 99999 (1–65535), in "etcd://***@10.0.0.9:99999/orders"',
    );
  });

  it('hands the lifetime to the registrar, unless the target has its own', () => {
    const { sources } = resolveRegister({ target: [TARGET, `${TARGET}?ttl=5000`], ttl: 60_000 });
    expect(sources.map(({ target }) => target.params.ttl)).toEqual(['60000', '5000']);
  });

  it('takes registrars of the user', () => {
    const registrar = { schemes: ['db'], register: () => Promise.reject(new Error('unused')) };
    expect(resolveRegister('db:///orders', [registrar]).sources[0]?.registrar).toBe(registrar);
  });

  it('is checked by the module, too', () => {
    expect(() => RegistrationModule.forRoot({ service: 'orders', register: TARGET } as never)).toThrow(
      'RegistrationModule.port: missing',
    );
  });
});
