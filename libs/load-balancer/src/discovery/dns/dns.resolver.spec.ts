import { beforeEach, describe, expect, it } from '@jest/globals';
import { Subject, type Subscription } from 'rxjs';
import type { Endpoint } from '../../cluster/endpoint.js';
import { VirtualTime } from '../../testing/virtual-time.js';
import type { ResolverEmission, Target } from '../resolver.js';
import { parseTarget } from '../target.js';
import type { DnsResolverOptions } from './dns-target.js';
import { DnsResolver } from './dns.resolver.js';
import type { AddressRecord, SrvRecord } from './name-server.js';

/** Records by kind and name; a text is the code of a failure, and what is missing is ENOTFOUND. */
let zone: Record<string, readonly (string | SrvRecord)[] | string>;
/** Seconds. */
let ttl: number;
/** When something was asked, and what. */
let asked: string[];
let opened: (readonly string[])[];
let cancelled: number;
let time: VirtualTime;
let emitted: ResolverEmission[];
let refresh: Subject<void>;
/** Keeps answers back until it is called. */
let hold: Promise<void> | undefined;

beforeEach(() => {
  zone = {};
  ttl = 30;
  asked = [];
  opened = [];
  cancelled = 0;
  time = new VirtualTime();
  emitted = [];
  refresh = new Subject();
  hold = undefined;
});

async function answer<T>(question: string): Promise<readonly T[]> {
  asked.push(`${time.now} ${question}`);
  await hold;
  const records = zone[question] ?? 'ENOTFOUND';
  if (typeof records === 'string') throw Object.assign(new Error('dns'), { code: records });
  return records as readonly T[];
}

const addressesFor =
  (kind: (family: 4 | 6) => string, seconds: () => number | undefined) =>
  async (name: string, family: 4 | 6): Promise<readonly AddressRecord[]> =>
    (await answer<string>(`${kind(family)} ${name}`)).map((address) => ({ address, ttl: seconds() }));

function watch(uri: string, options: DnsResolverOptions = {}): Subscription {
  const resolver = new DnsResolver(options, {
    open: (servers) => {
      opened.push(servers);
      return {
        addresses: addressesFor(
          (family) => (family === 4 ? 'A' : 'AAAA'),
          () => ttl,
        ),
        services: (name) => answer<SrvRecord>(`SRV ${name}`),
        local: addressesFor(
          (family) => `local${family}`,
          () => undefined,
        ),
        cancel: () => {
          cancelled++;
        },
      };
    },
    time: time.deps,
  });
  const target = parseTarget(uri) as { value: Target };
  return resolver.watch(target.value, refresh).subscribe((emission) => emitted.push(emission));
}

/** Lets everything that was answered arrive. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** In small steps, since the next look is only planned when the last one has been answered. */
async function after(milliseconds: number): Promise<void> {
  const end = time.now + milliseconds;
  await settled();
  while (time.now < end) {
    time.advance(Math.min(50, end - time.now));
    await settled();
  }
}

const last = (): ResolverEmission => emitted.at(-1)!;
const hosts = (emission: ResolverEmission): unknown =>
  Array.isArray(emission) ? (emission as Endpoint[]).map(({ host, port }) => `${host} ${port}`) : emission;
const looks = (): number[] =>
  [...new Set(asked.map((question) => Number(question.split(' ')[0])))].sort((a, b) => a - b);

describe('dns://', () => {
  it('has a node for each address of both families, in the same order whatever that of the answer is', async () => {
    zone = { 'A h': ['10.0.0.2', '10.0.0.1'], 'AAAA h': ['fd00::2', 'fd00::1'] };
    watch('dns:///h:4001');
    await after(0);
    zone = { 'A h': ['10.0.0.1', '10.0.0.2', '10.0.0.1'], 'AAAA h': ['fd00::1', 'fd00::2'] };
    await after(40_000);
    const sorted = ['10.0.0.1 4001', '10.0.0.2 4001', 'fd00::1 4001', 'fd00::2 4001'];
    expect(emitted.map(hosts)).toEqual([sorted, sorted]);
  });

  it('asks for one family only where that is wanted', async () => {
    zone = { 'A h': ['10.0.0.1'], 'AAAA h': ['fd00::1'] };
    watch('dns:///h:1?family=6');
    await after(0);
    expect([hosts(last()), asked]).toEqual([['fd00::1 1'], ['0 AAAA h']]);
  });

  it('asks the servers of the target', async () => {
    zone = { 'A h': ['10.0.0.1'] };
    watch('dns://10.0.0.53,[::1]:5353/h:1');
    await after(0);
    expect(opened).toEqual([['10.0.0.53', '[::1]:5353']]);
  });

  it('has just the node of an address, and asks nobody', async () => {
    watch('dns:///[fd00::1]:4001');
    await after(0);
    expect([hosts(last()), asked]).toEqual([['fd00::1 4001'], []]);
  });

  describe('looks again', () => {
    it('when the shortest time to live is over, and a little later so that not all ask at once', async () => {
      zone = { 'A h': ['10.0.0.1'], 'AAAA h': 'ENODATA' };
      ttl = 4;
      watch('dns:///h:1');
      await after(14_000);
      // 4 000 + half of the 10 % of jitter
      expect(looks()).toEqual([0, 4_200, 8_400, 12_600]);
    });

    it.each([
      ['not more often than minInterval', 0, [0, 1_050, 2_100]],
      ['not less often than maxInterval', 86_400, [0, 2_100]],
    ])('%s', async (_, seconds, expected) => {
      zone = { 'A h': ['10.0.0.1'] };
      ttl = seconds;
      watch('dns:///h:1?minInterval=1000&maxInterval=2000');
      await after(3_000);
      expect(looks()).toEqual(expected);
    });

    it('soon after a lost connection, however many are lost, but not more often than minInterval', async () => {
      zone = { 'A h': ['10.0.0.1'] };
      watch('dns:///h:1');
      await after(10_000);
      refresh.next();
      refresh.next();
      await after(100);
      for (let i = 0; i < 50; i++) refresh.next();
      await after(2_000);
      expect(looks()).toEqual([0, 10_000, 11_000]);
    });

    it('after a connection was lost in the midst of a look', async () => {
      let release = (): void => undefined;
      zone = { 'A h': ['10.0.0.1'] };
      hold = new Promise((resolve) => (release = resolve));
      watch('dns:///h:1');
      await after(100);
      refresh.next();
      release();
      await after(5_000);
      expect(looks()).toEqual([0, 1_000]);
    });

    it('after a failure, with growing delays up to 4 s, whatever connections are lost', async () => {
      zone = { 'A h': 'ESERVFAIL', 'AAAA h': 'ESERVFAIL' };
      watch('dns:///h:1');
      for (let i = 0; i < 200; i++) {
        await after(100);
        refresh.next();
      }
      expect(looks()).toEqual(
        [0, 1_000, 2_600, 5_180, 9_180, 13_180, 17_180].map((at) => expect.closeTo(at, -2)),
      );
      zone = { 'A h': ['10.0.0.1'] };
      await after(4_000);
      expect(hosts(last())).toEqual(['10.0.0.1 1']);
    });
  });

  describe('when not everything is answered', () => {
    it('uses the family that there is, silently when the name has none of the other', async () => {
      zone = { 'A h': ['10.0.0.1'], 'AAAA h': 'ENODATA' };
      watch('dns:///h:1');
      await after(0);
      expect(last()).toEqual([{ host: '10.0.0.1', port: 1 }]);
    });

    it('says so when the other one could not be asked', async () => {
      zone = { 'A h': ['10.0.0.1'], 'AAAA h': 'ETIMEOUT' };
      watch('dns:///h:1');
      await after(0);
      expect(last()).toEqual({
        nodes: [{ host: '10.0.0.1', port: 1 }],
        warning: 'h: AAAA ETIMEOUT (no answer in time)',
      });
    });

    it('asks for it again after the interval, however long the answer that there is may be kept', async () => {
      zone = { 'A h': ['10.0.0.1'], 'AAAA h': 'ESERVFAIL' };
      ttl = 3_600;
      watch('dns:///h:1');
      await after(1_000);
      zone = { 'A h': ['10.0.0.1'], 'AAAA h': ['fd00::1'] };
      await after(5_000);
      expect(hosts(last())).toEqual(['10.0.0.1 1', 'fd00::1 1']);
      await after(100_000);
      expect(looks()).toEqual([0, 5_250]);
    });

    it('keeps the addresses of a family that cannot be asked for a while, and drops those that are gone', async () => {
      zone = { 'A h': ['10.0.0.1'], 'AAAA h': ['fd00::1'] };
      ttl = 1;
      watch('dns:///h:1');
      await after(0);
      zone = { 'A h': ['10.0.0.2'], 'AAAA h': 'ESERVFAIL' };
      await after(5_000);
      expect(last()).toMatchObject({ nodes: [{ host: '10.0.0.2' }, { host: 'fd00::1' }] });
      zone = { 'A h': ['10.0.0.2'], 'AAAA h': 'ENODATA' };
      await after(2_000);
      expect(hosts(last())).toEqual(['10.0.0.2 1']);
    });

    it.each([
      ['ETIMEOUT', 'ETIMEOUT', 'h: A and AAAA ETIMEOUT (no answer in time); asked 10.0.0.53'],
      [
        'ENOTFOUND',
        'ESERVFAIL',
        'h: A ENOTFOUND (there is no such name), AAAA ESERVFAIL (the name server failed); asked 10.0.0.53',
      ],
      ['EODD', 'EODD', 'h: A and AAAA EODD (unexpected); asked 10.0.0.53'],
    ])('fails with the name, the reason and the server asked: %s and %s', async (a, aaaa, failure) => {
      zone = { 'A h': a, 'AAAA h': aaaa };
      watch('dns://10.0.0.53/h:1');
      await after(0);
      expect(last()).toEqual({ failure });
    });

    it('fails rather than tells old addresses when nobody answers any more, or there are none', async () => {
      zone = { 'A h': ['10.0.0.1'] };
      ttl = 1;
      watch('dns:///h:1');
      await after(0);
      zone = { 'A h': 'ECONNREFUSED', 'AAAA h': 'ECONNREFUSED' };
      await after(2_000);
      expect(last()).toEqual({ failure: 'h: A and AAAA ECONNREFUSED (the name server cannot be reached)' });
      zone = { 'A h': [], 'AAAA h': [] };
      await after(5_000);
      expect(last()).toEqual({ failure: 'h: A and AAAA ENODATA (the name has no such records)' });
    });

    it('asks the name servers that the system has by then', async () => {
      watch('dns:///h:1');
      await after(2_000);
      expect(opened.length).toBeGreaterThan(1);
    });
  });

  describe('names that the DNS does not have', () => {
    it('are looked for as other programs do', async () => {
      zone = { local4: [], 'local4 localhost': ['127.0.0.1'], 'local6 localhost': ['::1'] };
      watch('dns:///localhost:1');
      await after(0);
      expect(hosts(last())).toEqual(['127.0.0.1 1', '::1 1']);
      await after(6_000);
      expect(emitted).toHaveLength(2);
    });

    it.each([
      ['not with servers of one’s own', 'dns://10.0.0.53/h:1', 'ENOTFOUND'],
      ['not when they are written as absolute', 'dns:///h.:1', 'ENOTFOUND'],
      ['not after a time-out, which would cost another one', 'dns:///h:1', 'ETIMEOUT'],
    ])('%s', async (_, uri, code) => {
      zone = { 'local4 h': ['127.0.0.1'], 'local4 h.': ['127.0.0.1'], 'A h': code, 'AAAA h': code };
      watch(uri);
      await after(0);
      expect(last()).toEqual({ failure: expect.stringContaining(code) });
    });

    it('not when it has had them before: a search domain may answer for every name', async () => {
      zone = { 'A h': ['10.0.0.1'], 'local4 h': ['10.9.9.9'] };
      ttl = 1;
      watch('dns:///h:1');
      await after(0);
      delete zone['A h'];
      await after(10_000);
      expect(new Set(emitted.slice(1).map((emission) => 'failure' in emission))).toEqual(new Set([true]));
    });
  });

  it('ends everything when it is no longer wanted', async () => {
    hold = new Promise(() => undefined);
    watch('dns:///h:1').unsubscribe();
    hold = undefined;
    zone = { 'A h': ['10.0.0.1'] };
    const idle = watch('dns:///h:1');
    await after(0);
    idle.unsubscribe();
    await after(100_000);
    expect({ cancelled, pending: time.pending, emitted: emitted.length, looks: looks() }).toEqual({
      cancelled: 2,
      pending: 0,
      emitted: 1,
      looks: [0],
    });
  });
});

describe('dns+srv://', () => {
  const srv = (name: string, port: number, priority = 1, weight = 1): SrvRecord => ({
    name,
    port,
    priority,
    weight,
  });
  const URI = 'dns+srv:///_o._tcp.x';
  const SRV = 'SRV _o._tcp.x';

  it('has the nodes of its hosts, and looks again after the interval or their time to live', async () => {
    zone = { [SRV]: [srv('b', 2), srv('a', 1, 0, 5)], 'A a': ['10.0.0.1'], 'A b': ['10.0.0.2'] };
    watch(`${URI}?interval=2000`);
    await after(0);
    expect(last()).toEqual([
      { host: '10.0.0.1', port: 1, priority: 0, weight: 5, metadata: { hostname: 'a' } },
      { host: '10.0.0.2', port: 2, priority: 1, weight: 1, metadata: { hostname: 'b' } },
    ]);
    ttl = 1;
    await after(6_000);
    expect(looks()).toEqual([0, 2_100, 3_150, 4_200, 5_250]);
  });

  it('leaves out a host that is not there and says so, and keeps one that cannot be asked', async () => {
    zone = { [SRV]: [srv('a', 1), srv('b', 2)], 'A a': ['10.0.0.1'], 'A b': ['10.0.0.2'] };
    watch(`${URI}?interval=1000`);
    await after(0);
    zone = { ...zone, 'A a': 'ESERVFAIL', 'AAAA a': 'ESERVFAIL', 'A b': 'ENOTFOUND' };
    await after(1_500);
    expect(last()).toEqual({
      nodes: [expect.objectContaining({ host: '10.0.0.1' })],
      warning:
        'a: A and AAAA ESERVFAIL (the name server failed); b: A and AAAA ENOTFOUND (there is no such name)',
    });
  });

  it.each([
    [[srv('', 0, 0, 0)], '_o._tcp.x: its SRV record says that the service is not offered (".")'],
    [[], '_o._tcp.x: there are no SRV records'],
    ['ETIMEOUT', '_o._tcp.x: SRV ETIMEOUT (no answer in time)'],
    [[srv('a', 1)], 'a: A and AAAA ENOTFOUND (there is no such name)'],
  ])('fails with a reason: %j', async (records, failure) => {
    zone = { [SRV]: records, 'local4 a': ['127.0.0.1'] };
    watch(URI);
    await after(0);
    expect(last()).toEqual({ failure });
  });

  it('asks about a thousand hosts a few at a time', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `host-${index}`);
    zone = { [SRV]: names.map((name) => srv(name, 1)) };
    names.forEach((name, index) => (zone[`A ${name}`] = [`10.0.${index >> 8}.${index & 255}`]));
    let release = (): void => undefined;
    watch(URI);
    await Promise.resolve();
    hold = new Promise((resolve) => (release = resolve));
    await after(0);
    expect(asked.length).toBeLessThan(100);
    release();
    await after(0);
    expect(last()).toHaveLength(1_000);
  });
});

it('refuses wrong options when it is made', () => {
  expect(() => new DnsResolver({ servers: ['ns.internal'] })).toThrow(
    'new DnsResolver(): expected the IP address of a name server, with or without a port, got "ns.internal"',
  );
});
