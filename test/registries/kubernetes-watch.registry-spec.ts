import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { DiscoveryV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Subscription } from 'rxjs';
import { Subject } from 'rxjs';
import type { KubernetesOptions } from 'nestjs-load-balancer/kubernetes';
import { KubernetesResolver } from 'nestjs-load-balancer/kubernetes';
import type { WatchTiming } from '../../libs/load-balancer/src/discovery/kubernetes/slice-watch.js';
import { DEFAULT_TIMING } from '../../libs/load-balancer/src/discovery/kubernetes/slice-watch.js';
import { parseTarget } from '../../libs/load-balancer/src/discovery/target.js';
import { KubernetesApiDouble, NOT_READY, pod, slice, TERMINATING } from './support/kubernetes-api.js';

/** So that nobody waits: the delays themselves are those of `backoffDelay`, which has specs of its own. */
const QUICK: WatchTiming = {
  ...DEFAULT_TIMING,
  answer: 500,
  backoff: { initial: 10, multiplier: 1, jitter: 0, max: 10 },
  refusedBackoff: { initial: 10, multiplier: 1, jitter: 0, max: 10 },
};
const PATIENCE = 10_000;
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.a-token-that-nobody-may-see';

let api: KubernetesApiDouble;
let subscription: Subscription | undefined;
let emitted: unknown[];
let refresh: Subject<void>;

beforeEach(async () => {
  emitted = [];
  refresh = new Subject();
  api = await KubernetesApiDouble.start();
});
afterEach(async () => {
  subscription?.unsubscribe();
  await api.close();
});

function watch(
  options: KubernetesOptions = { kubeconfig: api.kubeconfig() },
  timing: Partial<WatchTiming> = {},
  uri = 'k8s:///shop/orders:tcp',
): void {
  const target = parseTarget(uri);
  if (!target.ok) throw new Error(target.problem);
  const resolver = new KubernetesResolver(options, { ...QUICK, ...timing });
  subscription = resolver.watch(target.value, refresh).subscribe((emission) => emitted.push(emission));
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > PATIENCE)
      throw new Error(
        `${what}: not within ${PATIENCE} ms; it ended with ${JSON.stringify(emitted.slice(-5))}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The last set of nodes, as addresses. */
function nodes(): string[] | undefined {
  const sets = emitted.filter((emission) => Array.isArray(emission)) as {
    host: string;
    draining?: boolean;
  }[][];
  return sets.at(-1)?.map(({ host, draining }) => (draining ? `${host} draining` : host));
}
const nodesAre = (...hosts: string[]) =>
  until(`nodes ${hosts.join()}`, () => JSON.stringify(nodes()) === JSON.stringify(hosts));
const failures = (): string[] =>
  emitted.flatMap((emission) => (emission as { failure?: string }).failure ?? []);
const failed = (text: string) =>
  until(`failure "${text}"`, () => failures().some((failure) => failure.includes(text)));
const watching = () => until('a watch', () => api.watching === 1);
const count = (kind: 'list' | 'watch'): number =>
  api.requests.filter((request) => request.kind === kind).length;

describe('the double', () => {
  it('is understood by the official client, with its typed API and its informer', async () => {
    const config = new KubeConfig();
    config.loadFromFile(api.kubeconfig());
    api.put(slice('orders-1', [pod('10.0.0.1')]), slice('carts-1', [pod('10.0.0.9')], { service: 'carts' }));
    const discovery = config.makeApiClient(DiscoveryV1Api);
    const labelSelector = 'kubernetes.io/service-name=orders';
    const list = () => discovery.listNamespacedEndpointSlice({ namespace: 'shop', labelSelector });
    const informer = makeInformer(
      config,
      '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
      list,
      labelSelector,
    );
    const seen: string[] = [];
    for (const verb of ['add', 'update', 'delete'] as const) {
      informer.on(verb, ({ metadata, endpoints }: V1EndpointSlice) => {
        seen.push(`${verb} ${metadata?.name ?? ''} ${endpoints.map(({ addresses }) => addresses[0]).join()}`);
      });
    }
    await informer.start();
    await watching();
    api.put(slice('orders-1', [pod('10.0.0.1'), pod('10.0.0.2')]));
    api.delete(slice('orders-1', []));
    await until('its events', () => seen.length === 3);
    await informer.stop();
    expect(seen).toEqual(['add orders-1 10.0.0.1', 'update orders-1 10.0.0.1,10.0.0.2', 'delete orders-1 ']);
  });
});

describe('the list and the watch', () => {
  it('give the nodes of the service, with zone, pod and node, and each change of them', async () => {
    const first = slice('orders-1', [pod('10.0.0.1')]);
    api.put(first, slice('carts-1', [pod('10.0.0.9')], { service: 'carts' }));
    watch();
    await nodesAre('10.0.0.1');
    expect(emitted[0]).toEqual([
      {
        host: '10.0.0.1',
        port: 4_001,
        zone: 'eu-1a',
        metadata: { pod: 'orders-10.0.0.1', node: 'worker-1' },
      },
    ]);
    await watching();
    const second = slice('orders-2', [pod('10.0.0.2')]);
    api.put(second);
    await nodesAre('10.0.0.1', '10.0.0.2');
    api.put(slice('orders-1', [pod('10.0.0.1', TERMINATING), pod('10.0.0.3', NOT_READY)]));
    await nodesAre('10.0.0.1 draining', '10.0.0.2');
    api.delete(first);
    await nodesAre('10.0.0.2');
    expect(failures()).toEqual([]);
    expect([count('list'), count('watch')]).toEqual([1, 1]);
  });

  it('ask for what the protocol needs: a selector, the version of the list, bookmarks, an end within eight minutes', async () => {
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    watch();
    await watching();
    const [list, watched] = api.requests;
    const labelSelector = 'kubernetes.io/service-name=orders';
    expect(list).toMatchObject({ kind: 'list', params: { labelSelector, resourceVersion: '0' } });
    expect(watched).toMatchObject({
      kind: 'watch',
      params: { labelSelector, resourceVersion: '1001', allowWatchBookmarks: 'true' },
    });
    const seconds = Number(watched?.params.timeoutSeconds);
    expect(seconds).toBeGreaterThanOrEqual(240);
    expect(seconds).toBeLessThanOrEqual(480);
  });

  it("look in the namespace of the kubeconfig's context when the target names none", async () => {
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    watch(undefined, {}, 'k8s:///orders:4001');
    await nodesAre('10.0.0.1');
  });

  it('make one emission of a burst', async () => {
    api.put(...Array.from({ length: 20 }, (_, i) => slice(`orders-${i}`, [pod(`10.0.0.${i}`)])));
    watch(undefined, { settle: 200, settleAtMost: 2_000 });
    await watching();
    const before = emitted.filter((emission) => Array.isArray(emission)).length;
    api.put(...Array.from({ length: 20 }, (_, i) => slice(`orders-${i}`, [pod(`10.0.1.${i}`)])));
    await until('the new nodes', () => nodes()?.every((host) => host.startsWith('10.0.1.')) ?? false);
    expect(emitted.filter((emission) => Array.isArray(emission))).toHaveLength(before + 1);
  });

  it('end with the subscription', async () => {
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    watch();
    await watching();
    subscription?.unsubscribe();
    await until('no watch', () => api.watching === 0);
    expect(count('watch')).toBe(1);
  });
});

describe('a watch', () => {
  beforeEach(() => api.put(slice('orders-1', [pod('10.0.0.1')])));

  it('that its server ends after its time goes on from the last version, and nobody is told', async () => {
    watch();
    await watching();
    api.put(slice('orders-1', [pod('10.0.0.2')]));
    await nodesAre('10.0.0.2');
    api.endWatches();
    await until('the next watch', () => count('watch') === 2);
    expect(api.requests.at(-1)?.params.resourceVersion).toBe('1002');
    expect(count('list')).toBe(1);
    expect(failures()).toEqual([]);
  });

  it('that is cut in the middle of a line goes on where it was, without a list and without a gap', async () => {
    watch();
    await watching();
    api.put(slice('orders-1', [pod('10.0.0.2')]));
    await nodesAre('10.0.0.2');
    api.write('{"type":"MODIFIED","object":{"metadata":{"na');
    await new Promise((resolve) => setTimeout(resolve, 20));
    api.cut();
    api.put(slice('orders-1', [pod('10.0.0.3')]));
    await nodesAre('10.0.0.3');
    expect(count('list')).toBe(1);
    expect(failures()).toEqual([]);
  });

  it('goes on after a bookmark from its version, and the bookmark says that it is alive', async () => {
    watch();
    await watching();
    const before = emitted.length;
    api.put(slice('carts-1', [], { service: 'carts' }));
    api.bookmark();
    await until('contact', () => emitted.length > before);
    expect(emitted.at(-1)).toEqual({ alive: true });
    api.endWatches();
    await until('the next watch', () => count('watch') === 2);
    expect(api.requests.at(-1)?.params.resourceVersion).toBe('1002');
  });

  it.each(['status', 'event'] as const)(
    'whose version is gone (as %s) lists again, and nobody is told',
    async (as) => {
      api.goneAs = as;
      watch();
      await watching();
      // A watch that has brought something, so that it is known to work.
      api.put(slice('orders-1', [pod('10.0.0.2')]));
      await nodesAre('10.0.0.2');
      const port = await api.stop();
      api.put(slice('orders-1', [pod('10.0.0.3')]));
      api.compact();
      await api.restart(port);
      await nodesAre('10.0.0.3');
      expect(count('list')).toBe(2);
      expect(api.requests.filter(({ kind }) => kind === 'list').at(-1)?.params).not.toHaveProperty(
        'resourceVersion',
      );
      expect(failures().filter((failure) => failure.includes('410'))).toEqual([]);
      await watching();
    },
  );

  it.each(['status', 'event'] as const)(
    'whose version is always gone (as %s) is not asked for in a tight loop, and that is told',
    async (as) => {
      api.goneAs = as;
      api.watches = 'gone';
      watch(undefined, { backoff: { initial: 100, multiplier: 1, jitter: 0, max: 100 } });
      await failed('the API server answered 410');
      const before = count('watch');
      const start = performance.now();
      await until('more watches', () => count('watch') >= before + 3);
      expect(performance.now() - start).toBeGreaterThanOrEqual(3 * 100 - 10);
      expect(nodes()).toEqual(['10.0.0.1']);
    },
  );

  it('that brings what cannot be read is made anew after a list, and says so', async () => {
    watch();
    await watching();
    api.write('<html>502 Bad Gateway</html>\n');
    await failed('a line of the watch is not valid JSON');
    await until('the next list', () => count('list') === 2);
    await watching();
    api.write('{"type":"MODIFIED","object":{"metadata":{}}}\n');
    await failed('no event of an EndpointSlice');
    await until('the next list', () => count('list') === 3);
    await watching();
    api.sendError(500, 'etcd event received with PrevKv=nil');
    await failed('500: etcd event received');
    await until('the next list', () => count('list') === 4);
    expect(nodes()).toEqual(['10.0.0.1']);
  });

  it('that falls silent without being closed is made anew', async () => {
    watch(undefined, { watch: 1_200 });
    await watching();
    api.forgetWatches();
    api.put(slice('orders-1', [pod('10.0.0.2')]));
    await nodesAre('10.0.0.2');
    expect(count('list')).toBe(1);
    expect(failures()).toEqual([]);
  });

  it('that has been silent for long is doubted when a node is lost, once', async () => {
    watch(undefined, { doubt: 50 });
    await watching();
    api.forgetWatches();
    await new Promise((resolve) => setTimeout(resolve, 60));
    refresh.next();
    refresh.next();
    await watching();
    expect(count('watch')).toBe(2);
    // One that has just been heard is not.
    refresh.next();
    api.put(slice('orders-1', [pod('10.0.0.2')]));
    await nodesAre('10.0.0.2');
    expect(count('watch')).toBe(2);
  });

  it('that is never answered is given up, and said to be', async () => {
    api.watches = 'hang';
    watch(undefined, { answer: 200 });
    await failed('the API server was silent for 200 ms');
    api.watches = 'work';
    await watching();
    await until('contact', () => JSON.stringify(emitted.at(-1)) === '{"alive":true}');
  });

  it('that ends at once, again and again, is not asked for in a tight loop, and changes are seen all the same', async () => {
    api.watches = 'end';
    watch(undefined, { backoff: { initial: 100, multiplier: 1, jitter: 0, max: 100 } });
    await until('some watches', () => count('watch') >= 3);
    const start = performance.now();
    await until('more watches', () => count('watch') >= 6);
    expect(performance.now() - start).toBeGreaterThanOrEqual(3 * 100 - 10);
    api.put(slice('orders-1', [pod('10.0.0.2')]));
    await nodesAre('10.0.0.2');
  });
});

describe('what is wrong', () => {
  it('is said with a name when there is no such service, port or ready pod; it recovers by itself', async () => {
    watch();
    await failed('there is no EndpointSlice of the service shop/orders');
    await watching();
    api.put(slice('orders-1', [pod('10.0.0.1')], { ports: [{ name: 'http', port: 80 }] }));
    await failed('the service shop/orders has no TCP port "tcp" (it has http (80))');
    api.put(slice('orders-1', [pod('10.0.0.1', NOT_READY)]));
    await failed('no endpoint of the service shop/orders is ready (1 not ready)');
    // Contact does not make nodes ready.
    api.bookmark();
    await until(
      'it is said again',
      () => failures().filter((text) => text.includes('1 not ready')).length === 2,
    );
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    await nodesAre('10.0.0.1');
  });

  it('costs only itself when it is one slice, or one endpoint of a slice', async () => {
    api.put(
      slice('orders-1', [pod('10.0.0.1')]),
      slice('orders-2', [pod('10.0.0.2'), pod('not-an-address')]),
    );
    watch();
    await until('a part', () => emitted.length > 0);
    expect(emitted[0]).toMatchObject({
      nodes: [{ host: '10.0.0.1' }, { host: '10.0.0.2' }],
      warning: 'orders-2: endpoint #1: expected an IPv4 address, got "not-an-address"',
    });
    await watching();
    api.put(slice('orders-1', 'broken'));
    await until('the next', () => emitted.length > 2);
    expect(emitted.at(-1)).toMatchObject({
      nodes: [{ host: '10.0.0.1' }, { host: '10.0.0.2' }],
      warning: expect.stringContaining('orders-1: endpoints: expected a list, got "broken"'),
    });
  });

  it('is told when permission is lacking, and over when it is given', async () => {
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    api.refuse = {
      status: 403,
      message:
        'endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:shop:default" cannot list',
    };
    watch();
    await failed('the API server answered 403: endpointslices.discovery.k8s.io is forbidden');
    api.refuse = undefined;
    await nodesAre('10.0.0.1');
  });

  it('is waited for as long as the server asks', async () => {
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    api.refuse = { status: 429, message: 'too many requests', retryAfter: 1 };
    const start = performance.now();
    watch();
    await failed('429');
    api.refuse = undefined;
    await nodesAre('10.0.0.1');
    expect(performance.now() - start).toBeGreaterThanOrEqual(990);
  });

  it('is never told with the token, though a proxy repeats it; a new token is read once the old one is refused', async () => {
    api.token = TOKEN;
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    api.refuse = { status: 400, message: `${'x'.repeat(290)} Bearer ${TOKEN}` };
    const kubeconfig = api.kubeconfig();
    watch({ kubeconfig });
    await failed('400: xxx');
    api.refuse = undefined;
    await nodesAre('10.0.0.1');
    await watching();
    api.sendError(500, `Bearer ${TOKEN}`);
    await failed('500: Bearer ***');
    api.token = 'the-next-one';
    api.cut();
    await failed('401: Unauthorized');
    api.kubeconfig();
    api.put(slice('orders-1', [pod('10.0.0.2')]));
    await nodesAre('10.0.0.2');
    expect(JSON.stringify(emitted)).not.toContain(TOKEN.slice(0, 8));
  });

  it('is no secret when a kubeconfig cannot be read', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lb-kubeconfig-'));
    const kubeconfig = join(directory, 'config');
    try {
      watch({ kubeconfig });
      await failed('kubeconfig: ENOENT');
      writeFileSync(kubeconfig, `users:\n- name: a\n  user: {token: ${TOKEN}\ncontexts: [`);
      await failed('kubeconfig: not valid YAML (line');
      writeFileSync(kubeconfig, TOKEN);
      await failed('kubeconfig: its current context names no cluster');
      api.put(slice('orders-1', [pod('10.0.0.1')]));
      writeFileSync(kubeconfig, readFileSync(api.kubeconfig()));
      await nodesAre('10.0.0.1');
      expect(JSON.stringify(emitted)).not.toContain(TOKEN.slice(0, 8));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('names the contexts there are when the one asked for is not among them', async () => {
    watch(undefined, {}, 'k8s:///shop/orders:tcp?context=production');
    await failed('there is no context "production" with a cluster (it has test)');
  });
});

describe('over TLS', () => {
  it('a token and a certificate of the kubeconfig are used', async () => {
    await api.close();
    api = await KubernetesApiDouble.start({ tls: true });
    api.token = TOKEN;
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    watch();
    await nodesAre('10.0.0.1');
    expect(api.requests[0]?.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it('the service account of a pod is used, with its namespace', async () => {
    await api.close();
    api = await KubernetesApiDouble.start({ tls: true });
    api.token = TOKEN;
    api.put(slice('orders-1', [pod('10.0.0.1')]));
    const account = api.serviceAccount();
    const config = new KubeConfig();
    process.env.KUBERNETES_SERVICE_HOST = '127.0.0.1';
    process.env.KUBERNETES_SERVICE_PORT = String(api.port);
    try {
      config.loadFromCluster(account);
    } finally {
      delete process.env.KUBERNETES_SERVICE_HOST;
      delete process.env.KUBERNETES_SERVICE_PORT;
    }
    watch({ kubeconfig: config }, {}, 'k8s:///orders:tcp');
    await nodesAre('10.0.0.1');
    expect(api.requests[0]?.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it('a server with another certificate is refused, and sees no token', async () => {
    await api.close();
    api = await KubernetesApiDouble.start({ tls: true });
    api.token = TOKEN;
    watch({ kubeconfig: api.kubeconfig({ ca: rootCertificates[0] }) });
    await failed('certificate');
    expect(api.requests).toEqual([]);
    expect(emitted).toEqual(failures().map((failure) => ({ failure })));
  });
});
