import { describe, expect, it } from '@jest/globals';
import { hostname } from 'node:os';
import { InvalidOptionsError } from '../../errors.js';
import type { LoadBalancerModuleOptions, ServiceOptions } from '../options.js';
import { validateModuleOptions } from './validate-module-options.js';

const target = 'static:///127.0.0.1:4001,127.0.0.1:4002';
type Options = Partial<ServiceOptions>;

function validate(options: unknown, defaults: unknown, env: Record<string, string>) {
  const service = { target, ...(options as Options) };
  const input = { defaults, services: { orders: service } } as LoadBalancerModuleOptions;
  return validateModuleOptions(input, { env, declares: false });
}

const resolved = (options: Options, defaults: Options = {}, env: Record<string, string> = {}) =>
  validate(options, defaults, env).services.get('orders')!.options;

function problems(options: unknown, env: Record<string, string> = {}): string[] {
  try {
    validate(options, {}, env);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('the zone of this process', () => {
  const zoneOf = (own?: string | false, env?: string, ofDefaults?: string) =>
    resolved(
      { ...(own !== undefined && { locality: { zone: own } }) },
      { ...(ofDefaults !== undefined && { locality: { zone: ofDefaults } }) },
      { ...(env !== undefined && { LB_ZONE: env }) },
    ).locality.zone;

  it('is that of the environment, before that of the service, before that of the defaults', () => {
    expect(zoneOf()).toBeUndefined();
    expect(zoneOf(undefined, undefined, 'c')).toBe('c');
    expect(zoneOf('b', undefined, 'c')).toBe('b');
    expect(zoneOf('b', 'a', 'c')).toBe('a');
  });

  it('is none where the service says so, whatever the environment says', () => {
    expect(zoneOf(false, 'a')).toBeUndefined();
  });

  it('is told to be wrong once, with the variable', () => {
    expect(problems({}, { LB_ZONE: '' })).toEqual([
      'LB_ZONE: expected a string of 1 to 255 characters, got ""; unset it if none is meant',
    ]);
  });
});

describe('locality', () => {
  it('is merged with that of the defaults', () => {
    const defaults = { locality: { zone: 'a', callers: { a: 1, b: 2 }, minNodes: 3 } };
    expect(resolved({ locality: { minNodes: 4, overProvisioning: 2 } }, defaults).locality).toEqual({
      zone: 'a',
      callers: new Map([
        ['a', 1],
        ['b', 2],
      ]),
      minNodes: 4,
      overProvisioning: 2,
    });
  });

  it('is told all that is wrong with it', () => {
    const wrong = { zone: '', callers: { a: -1 }, minNodes: 0, overProvisioning: 0.9, zones: [] };
    expect(problems({ locality: wrong })).toEqual([
      'services.orders.locality.zone: expected a string of 1 to 255 characters, got ""; false for no zone',
      'services.orders.locality.callers.a: expected a number ≥ 0, got -1',
      'services.orders.locality.minNodes: expected an integer ≥ 1, got 0',
      'services.orders.locality.overProvisioning: expected a number ≥ 1, got 0.9',
      'services.orders.locality.zones: unknown option; did you mean "zone"?',
    ]);
    expect(problems({ locality: { callers: ['a'] } })).toEqual([
      'services.orders.locality.callers: expected an object with numbers of callers by zone, got an array of 1',
    ]);
    for (const callers of [{}, { a: 0 }])
      expect(problems({ locality: { callers } })).toEqual([
        'services.orders.locality.callers: expected callers in at least one zone',
      ]);
  });
});

describe('subset', () => {
  it('is for this process on this host, unless told otherwise', () => {
    const clientId = `${hostname()}:${process.pid}`;
    expect(resolved({ subset: { size: 5 } }).subset).toEqual({ size: 5, clientId });
    expect(resolved({ subset: { clientId: 'me' } as never }, { subset: { size: 5 } }).subset).toEqual({
      size: 5,
      clientId: 'me',
    });
    expect(resolved({ subset: false }, { subset: { size: 5 } }).subset).toBe(false);
  });

  it('is told all that is wrong with it', () => {
    expect(problems({ subset: { size: 0, clientId: '', client: 'x' } })).toEqual([
      'services.orders.subset.size: expected an integer ≥ 1, got 0',
      'services.orders.subset.clientId: expected a text that no other client has, got ""',
      'services.orders.subset.client: unknown option; did you mean "clientId"?',
    ]);
    expect(problems({ subset: {} })).toEqual([
      'services.orders.subset.size: expected an integer ≥ 1, got undefined',
    ]);
    expect(problems({ subset: true })).toEqual([
      'services.orders.subset: expected an object or false, got true',
    ]);
  });

  it('that is too small for minReady is warned of', () => {
    expect(validate({ subset: { size: 1 }, minReady: 2 }, {}, {}).warnings).toEqual([
      'services.orders.minReady: 2 nodes may never be ready, since subset.size takes 1 of each priority',
    ]);
  });
});
