import { describe, expect, it } from '@jest/globals';
import { parseTarget } from '../target.js';
import type { Target } from '../resolver.js';
import {
  consulRegistrationProblem,
  consulTargetProblem,
  parseConsulRegistrationTarget,
  parseConsulTarget,
} from './consul-target.js';

function target(text: string): Target {
  const result = parseTarget(text);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
}

describe('parseConsulTarget', () => {
  it('takes everything that a target may say', () => {
    const text =
      'consul://[::1]:8501/orders?tag=v2,eu&dc=dc2&near=_agent&warning=true&wait=5000&tls=true&token=t';
    expect(parseConsulTarget(target(text))).toEqual({
      ok: true,
      value: {
        address: { host: '::1', port: 8501 },
        service: 'orders',
        tags: ['v2', 'eu'],
        dc: 'dc2',
        near: '_agent',
        warning: true,
        wait: 5000,
        tls: true,
        token: 't',
      },
    });
  });

  it('leaves to the environment what it does not say, and asks for passing instances', () => {
    expect(parseConsulTarget(target('consul:///orders'))).toEqual({
      ok: true,
      value: {
        address: undefined,
        service: 'orders',
        tags: [],
        dc: undefined,
        near: undefined,
        warning: false,
        wait: 30_000,
        tls: undefined,
        token: undefined,
      },
    });
  });

  it.each(['consul://agent.internal/orders', 'consul://[::1]/orders'])(
    'takes the port of Consul in %s',
    (text) => expect(parseConsulTarget(target(text))).toMatchObject({ value: { address: { port: 8500 } } }),
  );

  it.each([
    ['consul://h:1', 'expected the name of a service (consul://127.0.0.1:8500/orders)'],
    ['consul://h:1/', 'expected the name of a service (consul://127.0.0.1:8500/orders)'],
    ['consul://h:1/a/b', 'expected the name of a service after the address, got "a/b"'],
    ['consul://h:x/a', 'expected a port (1–65535), got "x"'],
    ['consul://a:1,b:1/s', 'expected one agent; several are given as a list of targets'],
    ['consul://s3cret@h:1/s', 'expected no user before the host; a token is given as ?token='],
    [
      'consul://h:1/s?tags=a',
      'unknown parameter "tags" for consul:// (known: tag, dc, near, warning, wait, tls, token)',
    ],
    ['consul://h:1/s?tag=', 'tag: expected a value, got nothing'],
    ['consul://h:1/s?tag=a,,b', 'tag: expected tags with commas between them, got "a,,b"'],
    ['consul://h:1/s?warning=yes', 'warning: expected true or false, got "yes"'],
    ['consul://h:1/s?tls=1', 'tls: expected true or false, got "1"'],
    ['consul://h:1/s?wait=30s', 'wait: expected an integer from 1000 to 600000 (milliseconds), got "30s"'],
    ['consul://h:1/s?wait=999', 'wait: expected an integer from 1000 to 600000 (milliseconds), got "999"'],
  ])('refuses %s', (text, problem) => expect(consulTargetProblem(target(text))).toBe(problem));
});

describe('parseConsulRegistrationTarget', () => {
  it('takes everything that a target may say', () => {
    expect(
      parseConsulRegistrationTarget(target('consul://h:1/orders?tag=v2&check=tcp&ttl=3000&tls=false')),
    ).toEqual({
      ok: true,
      value: {
        address: { host: 'h', port: 1 },
        service: 'orders',
        tags: ['v2'],
        check: 'tcp',
        ttl: 3000,
        tls: false,
        token: undefined,
      },
    });
  });

  it('leaves the name to the provider, and asks for a TTL check of ten seconds', () => {
    expect(parseConsulRegistrationTarget(target('consul://h:1'))).toMatchObject({
      value: { service: undefined, check: 'ttl', ttl: 10_000 },
    });
  });

  it.each([
    [
      'consul://h:1/s?near=_agent',
      'unknown parameter "near" for consul:// (known: tag, check, ttl, tls, token)',
    ],
    ['consul://h:1/s?check=http', 'check: expected ttl or tcp, got "http"'],
    ['consul://h:1/s?ttl=10', 'ttl: expected an integer from 1000 to 3600000 (milliseconds), got "10"'],
  ])('refuses %s', (text, problem) => expect(consulRegistrationProblem(target(text))).toBe(problem));
});
