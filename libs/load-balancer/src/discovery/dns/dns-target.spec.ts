import { describe, expect, it } from '@jest/globals';
import { parseTarget } from '../target.js';
import type { Target } from '../resolver.js';
import { dnsOptionsProblem, parseDnsTarget, type DnsResolverOptions } from './dns-target.js';

function parse(uri: string, options?: DnsResolverOptions) {
  const target = parseTarget(uri) as { value: Target };
  return parseDnsTarget(target.value, options);
}

const DEFAULT = {
  servers: [],
  family: undefined,
  interval: 5_000,
  minInterval: 1_000,
  maxInterval: 300_000,
  timeout: 1_000,
};

describe('parseDnsTarget', () => {
  it('reads a host with its port, and the name of SRV records without one', () => {
    expect(parse('dns:///Orders.internal:4001')).toEqual({
      ok: true,
      value: { ...DEFAULT, name: 'orders.internal', port: 4001 },
    });
    expect(parse('dns+srv:///_orders._tcp.Internal')).toEqual({
      ok: true,
      value: { ...DEFAULT, name: '_orders._tcp.internal', port: undefined },
    });
    expect(parse('dns:///[::1]:4001')).toMatchObject({ value: { name: '::1', port: 4001 } });
  });

  it('takes servers and settings of the target over the options', () => {
    const options = { servers: ['10.0.0.1'], family: 4, interval: 2_000, timeout: 300 } as const;
    expect(parse('dns:///h:1', options)).toMatchObject({ value: { ...options } });
    expect(
      parse(
        'dns://10.0.0.53:5353,[fd00::53]:53/h:1?family=6&interval=700&minInterval=200&maxInterval=900',
        options,
      ),
    ).toMatchObject({
      value: {
        servers: ['10.0.0.53:5353', '[fd00::53]:53'],
        family: 6,
        interval: 700,
        minInterval: 200,
        maxInterval: 900,
        timeout: 300,
      },
    });
  });

  it.each([
    ['dns:///orders.internal', /^expected a port after the host .* \(dns:\/\/\/orders\.internal:4001\)$/],
    ['dns:///', /^expected host:port, got nothing/],
    ['dns:///h:0', /^port out of range: 0/],
    [
      'dns+srv:///_orders._tcp.internal:4001',
      /^expected the name of SRV records, which tell the ports, got /,
    ],
    ['dns+srv:///10.0.0.1', /^expected the name of SRV records/],
    ['dns+srv:///', /^expected a host name/],
    [
      'dns://ns.internal/h:1',
      /^expected the IP address of a name server, with or without a port, got "ns.internal"$/,
    ],
    ['dns://10.0.0.1,/h:1', /^expected the IP address of a name server.* got ""$/],
    ['dns:///h:1?family=5', /^family: expected 4 or 6, got "5"$/],
    [
      'dns:///h:1?interval=99',
      /^interval: expected an integer from 100 to 86400000 \(milliseconds\), got 99$/,
    ],
    ['dns:///h:1?timeout=1s', /^timeout: expected an integer .* got NaN$/],
    ['dns:///h:1?maxInterval=500', /^maxInterval: expected at least the minInterval \(1000\), got 500$/],
    [
      'dns:///h:0?family=5&interval=x&timeout=1&intervall=1',
      /^unknown parameter "intervall" .*; port out of range: 0 .*; family: expected 4 or 6, got "5"; interval: .* got NaN; timeout: .* got 1$/,
    ],
    ['dns:///h:1?intervall=1', /^unknown parameter "intervall" for dns:\/\/ \(known: family, interval, /],
  ])('refuses %s', (uri, problem) => {
    expect(parse(uri)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });

  it('shows nothing of what stands before an @', () => {
    expect(JSON.stringify(parse('dns://root:s3,cret@10.0.0.1/h:1'))).not.toMatch(/s3|cret|root/);
  });
});

describe('dnsOptionsProblem', () => {
  it.each([
    [{ servers: ['ns.internal'] }, /^expected the IP address of a name server/],
    [{ servers: '10.0.0.1' }, /^servers: expected a list of IP addresses, got "10.0.0.1"$/],
    [{ family: 5 }, /^family: expected 4 or 6, got 5$/],
    [{ interval: 0 }, /^interval: expected an integer/],
    [{ server: [] }, /^unknown option "server" \(known: servers, family, /],
  ])('finds what is wrong with %j', (options, problem) => {
    expect(dnsOptionsProblem(options as DnsResolverOptions)).toMatch(problem);
  });

  it('finds nothing wrong with good ones', () => {
    expect(dnsOptionsProblem({})).toBeUndefined();
    expect(dnsOptionsProblem({ servers: ['fd00::53', '[::1]', '10.0.0.1:53'], family: 6 })).toBeUndefined();
  });
});
