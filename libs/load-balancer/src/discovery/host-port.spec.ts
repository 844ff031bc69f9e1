import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { endpointKey } from '../cluster/endpoint.js';
import { parseHostPort } from './host-port.js';

describe('parseHostPort', () => {
  it.each([
    ['10.0.0.1:4001', '10.0.0.1', 4001],
    ['Orders.Internal:1', 'orders.internal', 1],
    ['my_container-1:65535', 'my_container-1', 65_535],
    ['[::1]:4001', '::1', 4001],
    ['[2001:DB8:0:0::1]:80', '2001:db8::1', 80],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    ['orders.internal.:80', 'orders.internal.', 80],
  ])('takes %s', (text, host, port) =>
    expect(parseHostPort(text)).toEqual({ ok: true, value: { host, port } }),
  );

  it.each([
    ['', 'expected host:port, got nothing'],
    ['10.0.0.1', 'expected a port after the host (host:4001), got "10.0.0.1"'],
    ['10.0.0.1:', 'expected a port after the host (host:4001), got "10.0.0.1:"'],
    ['[::1]', 'expected a port after the host (host:4001), got "[::1]"'],
    [':4001', 'expected a host name or an IP address, got ""'],
    ['::1:4001', 'an IPv6 address needs brackets and a port: [::1]:4001, got "::1:4001"'],
    ['http://10.0.0.1:4001', 'expected host:port without a scheme, got "http://10.0.0.1:4001"'],
    ['unix:///run/a.sock', 'expected host:port without a scheme, got "unix:///run/a.sock"'],
    ['[orders]:4001', 'expected an IPv6 address in the brackets, got "orders"'],
    ['h:70000', 'port out of range: 70000 (1–65535)'],
    ['h:0', 'port out of range: 0 (1–65535)'],
    ['h:http', 'expected a port (1–65535), got "http"'],
    ['h:-1', 'expected a port (1–65535), got "-1"'],
    ['h:1e3', 'expected a port (1–65535), got "1e3"'],
    ['10.0.0.256:1', 'not a valid IPv4 address: "10.0.0.256"'],
    ['a b:1', 'not a host name or an IP address: "a b"'],
    ['-a:1', 'not a host name or an IP address: "-a"'],
    ['a..b:1', 'not a host name or an IP address: "a..b"'],
    ['a\nb:1', 'not a host name or an IP address: "a b"'],
  ])('refuses %j', (text, problem) => expect(parseHostPort(text)).toEqual({ ok: false, problem }));

  it('reads back every address that it writes', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
        fc.integer({ min: 1, max: 65_535 }),
        (host, port) => {
          const once = parseHostPort(endpointKey({ host, port }));
          if (!once.ok) throw new Error(once.problem);
          expect(parseHostPort(endpointKey(once.value))).toEqual(once);
        },
      ),
    );
  });
});
