import { describe, expect, it } from '@jest/globals';
import { SliceSet } from './slice-set.js';

const PORTS = [{ name: 'tcp', port: 4_001, protocol: 'TCP' }];

interface SliceFields {
  readonly ports?: unknown;
  readonly addressType?: string;
}

function slice(name: string, endpoints: unknown, { ports = PORTS, addressType = 'IPv4' }: SliceFields = {}) {
  return { metadata: { name }, addressType, endpoints, ports };
}

const at = (address: string, conditions?: object, more: object = {}) => ({
  addresses: [address],
  ...(conditions && { conditions }),
  ...more,
});
const pod = (uid: string) => ({ targetRef: { kind: 'Pod', name: uid, uid } });

function told(slices: readonly unknown[], port: string | number = 'tcp', family: 'IPv4' | 'IPv6' = 'IPv4') {
  const set = new SliceSet('shop/orders', { port, family });
  set.replace(slices);
  return set.nodes();
}

/** The addresses that are told; those of draining nodes with a `-`. */
function addresses(slices: readonly unknown[], port?: string | number, family?: 'IPv4' | 'IPv6'): string[] {
  const nodes = told(slices, port, family) as { host: string; port: number; draining?: boolean }[];
  return nodes.map((node) => `${node.draining ? '-' : ''}${node.host}:${node.port}`);
}

describe('the conditions of an endpoint', () => {
  it.each([
    [undefined, 'in'],
    [{}, 'in'],
    [{ ready: null, serving: null, terminating: null }, 'in'],
    [{ ready: true }, 'in'],
    [{ ready: false }, 'out'],
    [{ ready: false, serving: true }, 'out'],
    [{ ready: false, serving: true, terminating: true }, 'draining'],
    [{ ready: false, terminating: true }, 'draining'],
    [{ ready: false, serving: false, terminating: true }, 'out'],
    // With publishNotReadyAddresses every endpoint is called ready.
    [{ ready: true, serving: false, terminating: false }, 'in'],
    [{ ready: true, serving: true, terminating: true }, 'draining'],
  ])('%j: %s', (conditions, expected) => {
    const list = addresses([slice('a', [at('10.0.0.9'), at('10.0.0.1', conditions)])]);
    const state = list.includes('10.0.0.1:4001')
      ? 'in'
      : list.includes('-10.0.0.1:4001')
        ? 'draining'
        : 'out';
    expect(state).toBe(expected);
  });
});

describe('the port', () => {
  const withPorts = (ports: unknown) => [slice('a', [at('10.0.0.1')], { ports })];

  it('is found by its name in each slice', () => {
    const other = slice('b', [at('10.0.0.2')], {
      ports: [
        { name: 'http', port: 80 },
        { name: 'tcp', port: 5_001 },
      ],
    });
    expect(addresses([slice('a', [at('10.0.0.1')]), other])).toEqual(['10.0.0.1:4001', '10.0.0.2:5001']);
  });

  it('may be the number that the pods listen on', () => {
    expect(addresses(withPorts(PORTS), 4_001)).toEqual(['10.0.0.1:4001']);
    expect(told(withPorts(PORTS), 80)).toEqual({
      failure: 'the service shop/orders has no TCP port "80" (it has tcp (4001))',
    });
  });

  it('is the number of the target where a slice names none, or all', () => {
    for (const ports of [null, [], [{ name: '', protocol: 'TCP' }], [{ name: 'any', port: null }]]) {
      expect(addresses(withPorts(ports), 4_001)).toEqual(['10.0.0.1:4001']);
    }
    expect(told(withPorts([{ name: 'tcp', port: null }]))).toEqual({
      failure: 'the service shop/orders has no TCP port "tcp" (it has tcp (all))',
    });
  });

  it('is one of TCP', () => {
    const ports = [
      { name: 'tcp', port: 53, protocol: 'UDP' },
      { name: 'dns', port: 53, protocol: 'TCP' },
    ];
    expect(told(withPorts(ports))).toEqual({
      failure: 'the service shop/orders has no TCP port "tcp" (it has dns (53))',
    });
  });
});

describe('several slices', () => {
  it('make one set, in which a pod that moves from one to another is once', () => {
    const slices = [
      slice('a', [at('10.0.0.1'), at('10.0.0.2')]),
      slice('b', [at('10.0.0.2'), at('10.0.0.3')]),
      slice('empty', null),
    ];
    expect(addresses(slices)).toEqual(['10.0.0.1:4001', '10.0.0.2:4001', '10.0.0.3:4001']);
  });

  it('prefer the new pod where the address of a terminating one was given away', () => {
    const old = slice('a', [at('10.0.0.1', { terminating: true }, pod('old'))]);
    const young = slice('b', [at('10.0.0.1', {}, pod('young'))]);
    for (const slices of [
      [old, young],
      [young, old],
    ]) {
      expect(told(slices)).toEqual([{ host: '10.0.0.1', port: 4_001, metadata: { pod: 'young' } }]);
    }
  });

  it('take a pod of a dual-stack service once, by its address of the preferred family', () => {
    const slices = [
      slice('six', [at('fd00::1', {}, pod('a')), at('fd00::2', {}, pod('b'))], { addressType: 'IPv6' }),
      slice('four', [at('10.0.0.1', {}, pod('a'))]),
    ];
    expect(addresses(slices)).toEqual(['10.0.0.1:4001', 'fd00::2:4001']);
    expect(addresses(slices, 'tcp', 'IPv6')).toEqual(['fd00::1:4001', 'fd00::2:4001']);
  });

  it('of the type FQDN are not used', () => {
    const named = slice('names', [at('orders.example.com')], { addressType: 'FQDN' });
    expect(addresses([named, slice('a', [at('10.0.0.1')])])).toEqual(['10.0.0.1:4001']);
    expect(told([named])).toEqual({
      failure: 'the service shop/orders has addresses of the deprecated type FQDN only',
    });
  });
});

describe('what cannot be used', () => {
  it.each([
    [at('orders.example.com'), '"orders.example.com"'],
    [at('fd00::1'), '"fd00::1"'],
    [at('10.0.0.300'), '"10.0.0.300"'],
    [{ addresses: [] }, 'undefined'],
    [{ addresses: [4] }, '4'],
    [null, 'undefined'],
    ['10.0.0.2', 'undefined'],
  ])('costs only itself: %j', (endpoint, shown) => {
    expect(told([slice('a', [at('10.0.0.1'), endpoint])])).toEqual({
      nodes: [{ host: '10.0.0.1', port: 4_001, metadata: {} }],
      warning: `a: endpoint #1: expected an IPv4 address, got ${shown}`,
    });
  });

  it('leaves what was known of the slice before', () => {
    const set = new SliceSet('shop/orders', { port: 'tcp', family: 'IPv4' });
    set.replace([slice('a', [at('10.0.0.1')]), slice('b', [at('10.0.0.2')])]);
    set.put({ ...slice('b', []), addressType: 'Smoke' }, 'b');
    expect(set.nodes()).toMatchObject({
      nodes: [{ host: '10.0.0.1' }, { host: '10.0.0.2' }],
      warning: 'b: addressType: expected IPv4, IPv6 or FQDN, got "Smoke"',
    });
    set.replace([slice('a', 'nonsense'), slice('b', [at('10.0.0.3')])]);
    expect(set.nodes()).toMatchObject({
      nodes: [{ host: '10.0.0.1' }, { host: '10.0.0.3' }],
      warning: 'a: endpoints: expected a list, got "nonsense"',
    });
    set.put(slice('a', [at('10.0.0.4')]), 'a');
    expect(set.nodes()).toMatchObject([{ host: '10.0.0.4' }, { host: '10.0.0.3' }]);
  });

  it('is told of the first few, however many there are', () => {
    const slices = Array.from({ length: 9 }, (_, i) => slice(`s${i}`, [at('10.0.0.1'), at('x')]));
    expect(told(slices)).toMatchObject({ warning: expect.stringMatching(/^s0.*; s1.*; s2.*; and 6 more$/) });
  });

  it('is said when nothing is left', () => {
    expect(told([null, 5, {}])).toMatchObject({
      failure: expect.stringContaining('expected an EndpointSlice'),
    });
    expect(told([])).toMatchObject({ failure: expect.stringContaining('there is no EndpointSlice') });
  });
});
