import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { validateEndpoints } from '../endpoint-validation.js';
import { parseTarget } from '../target.js';
import { nodesOf } from './consul-instances.js';
import { parseConsulTarget } from './consul-target.js';

function targetOf(uri: string) {
  const target = parseTarget(uri);
  if (!target.ok) throw new Error(target.problem);
  const result = parseConsulTarget(target.value);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
}

const PASSING_ONLY = targetOf('consul:///orders');
const WARNING_TOO = targetOf('consul:///orders?warning=true');

const check = (Status: string, CheckID = 'service:o1') => ({ CheckID, Status });
const MAINTENANCE = check('critical', '_service_maintenance:o1');

function instance(service: object = {}, checks: unknown = [check('passing')]) {
  return {
    Node: { Address: '10.0.0.9' },
    Service: {
      ID: 'o1',
      Address: '10.0.0.1',
      Port: 4001,
      Tags: [],
      Meta: {},
      Weights: { Passing: 1, Warning: 1 },
      ...service,
    },
    Checks: checks,
  };
}

/** The endpoints that come of it, as those see them who use them. */
function endpoints(entries: unknown[], target = PASSING_ONLY) {
  const nodes = nodesOf(entries, target);
  if (!nodes.ok) throw new Error(nodes.problem);
  return { endpoints: nodes.value.nodes, problem: nodes.value.warning };
}

describe('nodesOf', () => {
  it('takes address, weight, zone, priority and labels of an instance', () => {
    const service = {
      Tags: ['v2', 'eu'],
      Meta: { zone: 'eu-1a', priority: '1', version: '1.4', team: 'a' },
      Weights: { Passing: 3, Warning: 1 },
    };
    expect(endpoints([instance(service)])).toEqual({
      endpoints: [
        {
          host: '10.0.0.1',
          port: 4001,
          weight: 3,
          zone: 'eu-1a',
          priority: 1,
          metadata: { version: '1.4', team: 'a', tags: 'v2,eu' },
        },
      ],
      problem: undefined,
    });
  });

  it.each(['', undefined])('takes the address of the Consul node when the service has %j', (Address) => {
    expect(endpoints([instance({ Address })]).endpoints).toMatchObject([{ host: '10.0.0.9' }]);
  });

  it('prefers the weight among the labels, which need not be an integer', () => {
    const Weights = { Passing: 3, Warning: 1 };
    expect(endpoints([instance({ Weights, Meta: { weight: '0.5' } })]).endpoints).toMatchObject([
      { weight: 0.5, metadata: {} },
    ]);
  });

  it('leaves out instances of which a check warns or fails, also one of their node', () => {
    const entries = [
      instance(),
      instance({ Port: 2 }, [check('passing'), check('warning')]),
      instance({ Port: 3 }, [check('critical'), check('passing')]),
      instance({ Port: 4 }, [check('passing'), check('critical', 'serfHealth')]),
    ];
    expect(endpoints(entries).endpoints.map(({ port }) => port)).toEqual([4001]);
  });

  it('takes instances that warn when they are wanted, with their weight for it', () => {
    const Weights = { Passing: 10, Warning: 2 };
    const entries = [instance({ Weights }), instance({ Weights, Port: 2 }, [check('warning')])];
    expect(endpoints(entries, WARNING_TOO).endpoints.map(({ weight }) => weight)).toEqual([10, 2]);
  });

  it('drains an instance in maintenance, or whose node is, unless it fails by itself', () => {
    const entries = [
      instance({ Port: 1 }, [check('passing'), MAINTENANCE]),
      instance({ Port: 2 }, [check('critical', '_node_maintenance')]),
      instance({ Port: 3 }, [MAINTENANCE, check('critical')]),
    ];
    expect(endpoints(entries).endpoints).toMatchObject([
      { port: 1, draining: true },
      { port: 2, draining: true },
    ]);
  });

  it('counts an instance without checks as passing, as Consul does', () => {
    expect(endpoints([instance({}, []), instance({ Port: 2 }, null)]).endpoints).toHaveLength(2);
  });

  it('keeps as many tags as fit', () => {
    const Tags = ['a'.repeat(500), 'b'.repeat(500), 'c'.repeat(500)];
    const [node] = endpoints([instance({ Tags })]).endpoints;
    expect(node?.metadata).toEqual({ tags: `${Tags[0]},${Tags[1]}` });
  });

  it.each([
    [
      instance({ Meta: { priority: 'high' } }),
      'o1: priority: expected an integer from 0 to 65535, got "high"',
    ],
    [instance({ Meta: { weight: '-1' } }), 'o1: weight: expected a number from 0 to 65535, got -1'],
    [instance({ Weights: { Passing: 'x' } }), 'o1: weight: expected a number from 0 to 65535, got "x"'],
    [instance({ Port: 0 }), 'o1: port: port out of range: 0 (1–65535)'],
    [instance({ Address: 7 }), 'o1: host: expected a host name or an IP address, got 7'],
    [instance({ Address: '300.1.1.1' }), 'o1: host: not a valid IPv4 address: "300.1.1.1"'],
    [instance({ Meta: { a: {} } }), 'o1: metadata: expected a string as "a", got an object'],
    [{ Service: null }, '#1: host: expected a host name or an IP address, got undefined'],
    ['text', '#1: expected a port after the host (host:4001), got "text"'],
    [null, '#1: expected host:port or { host, port }, got null'],
  ])('leaves out a malformed instance, says why, and uses the others: %#', (entry, problem) => {
    const result = endpoints([instance({ Port: 5 }), entry]);
    expect(result).toMatchObject({ endpoints: [{ port: 5 }], problem });
    expect(result.endpoints).toHaveLength(1);
  });

  it('names three of those that are malformed, always in the same order, and one that is there twice', () => {
    const bad = ['c', 'a', 'd', 'b'].map((ID, index) => instance({ ID, Port: -index - 1 }));
    const good = instance({ ID: 'good' });
    const expected =
      'a: port: port out of range: -2 (1–65535); b: port: port out of range: -4 (1–65535); ' +
      'c: port: port out of range: -1 (1–65535); and 1 more';
    expect(endpoints([good, ...bad]).problem).toBe(expected);
    expect(endpoints([...bad.reverse(), good]).problem).toBe(expected);
    expect(endpoints([good, instance({ ID: 'again' })])).toMatchObject({
      endpoints: [{ port: 4001 }],
      problem: 'again: it has the address of another instance',
    });
  });

  it.each([
    [
      [],
      PASSING_ONLY,
      'Consul shows no instance of "orders"; without a token that may read it, it shows none either',
    ],
    [
      [],
      targetOf('consul:///orders?tag=v2,eu'),
      'Consul shows no instance of "orders" with the tag v2, eu; without a token that may read it, it shows none either',
    ],
    [
      [
        instance({}, [check('critical')]),
        instance({}, [check('warning')]),
        instance({}, [check('critical')]),
      ],
      PASSING_ONLY,
      'no instance of "orders" is passing (but critical or warning)',
    ],
    [{ error: 'x' }, PASSING_ONLY, 'expected a list of instances, got an object'],
    ['<html>', PASSING_ONLY, 'expected a list of instances, got "<html>"'],
    [undefined, PASSING_ONLY, 'expected a list of instances, got undefined'],
  ])('says why there are no nodes: %#', (body, target, problem) =>
    expect(nodesOf(body, target)).toEqual({ ok: false, problem }),
  );

  it('never throws, whatever JSON it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (body, service, checks) => {
        nodesOf(body, PASSING_ONLY);
        const nodes = nodesOf([instance(service as object, checks)], WARNING_TOO);
        if (nodes.ok) expect(validateEndpoints(nodes.value.nodes).problems).toEqual([]);
      }),
    );
  });
});
