import { afterEach, describe, expect, it } from '@jest/globals';
import { ClientTCP, JsonSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BalancedClientProxy, LoadBalancerEvent } from 'nestjs-load-balancer';
import {
  ClientClosedError,
  ConnectionLostError,
  DeadlineExceededError,
  isLoadBalancerError,
  NoNodesError,
} from 'nestjs-load-balancer';
import { filter, firstValueFrom, take } from 'rxjs';
import { failure, inParallel, loopTurned, record, tally } from './support/calls.js';
import { Consumers, nodeBecomes, ready } from './support/consumer.js';
import { freePort } from './support/ports.js';
import type { Provider } from './support/providers.js';
import { Fleet, staticTarget } from './support/providers.js';
import { SilentProxy } from './support/silent-proxy.js';

const WHO = { cmd: 'who' };
const HOLD = { cmd: 'hold' };

const fleet = new Fleet();
const consumers = new Consumers();
const cleanups: (() => void)[] = [];

afterEach(async () => {
  await consumers.close();
  await fleet.stop();
  for (const cleanUp of cleanups.splice(0)) cleanUp();
});

const who = (client: BalancedClientProxy): Promise<string> => firstValueFrom(client.send<string>(WHO, {}));

describe('nodes that are down', () => {
  it('are never noticed by callers while there are others', async () => {
    const [first, last] = await fleet.startAll([{}, {}]);
    const nobody = await freePort();
    const client = await consumers.open({
      target: staticTarget(first!, nobody, last!),
      strategy: 'round-robin',
      panicThreshold: 0,
    });

    // From the very first moment on, when the client knows of none of the three whether it is there.
    const atFirst = await inParallel(300, 30, () => who(client));
    await ready(client, 2);
    const later = await inParallel(300, 30, () => who(client));

    expect(atFirst).toHaveLength(300);
    expect(tally(later)).toEqual({ 'node-1': 150, 'node-2': 150 });
  });

  it('fail a call at once with the reason of each, when there is no other', async () => {
    const ports = [await freePort(), await freePort()];
    const client = await consumers.open({ target: staticTarget(...ports), timeout: 0 });

    const error = await failure(client.send(WHO, {}));

    expect(error).toBeInstanceOf(NoNodesError);
    expect(error).toMatchObject({ code: 'NO_NODES', service: 'orders' });
    const reasons = ports.map(
      (port) => `127.0.0.1:${port} is disconnected (connect ECONNREFUSED 127.0.0.1:${port})`,
    );
    expect((error as Error).message).toBe(`orders: no node can take the call: ${reasons.join('; ')}`);
  });

  it('are waited for by a call that says so', async () => {
    const port = await freePort();
    const client = await consumers.open({
      target: staticTarget(port),
      timeout: 0,
      connection: { backoff: { initial: 50, max: 100 } },
    });
    expect(await failure(client.send(WHO, {}))).toBeInstanceOf(NoNodesError);

    const call = record(client.send(WHO, {}, { waitForReady: true }));
    await fleet.start({ port, name: 'late' });

    expect(await call).toEqual({ values: ['late'], errors: [], completions: 1 });
  });

  it('are not taken for up when the client has connected to itself', async () => {
    // TCP lets a socket connect to its own port. By chance that happens to whoever tries again and again to reach a port of this machine
    // from which outgoing connections are made, too.
    class SelfConnectedSocket extends JsonSocket {
      override connect(port: number, host: string): this {
        this.netSocket.connect({ port, host, localPort: port });
        return this;
      }
    }
    class SelfConnectedClient extends ClientTCP {
      constructor(options: object) {
        super({ ...options, socketClass: SelfConnectedSocket });
      }
    }

    for (const transport of [{ socketClass: SelfConnectedSocket }, { customClass: SelfConnectedClient }]) {
      const client = await consumers.open({ target: staticTarget(await freePort()), transport });

      const error = await failure(client.send(WHO, {}));

      expect(error).toBeInstanceOf(NoNodesError);
      expect((error as Error).message).toContain('connected to itself: nothing listens there');
    }
  });

  it('do not keep the app from starting', async () => {
    // It accepts connections, and never answers the TLS handshake.
    const hanging = createServer().listen(0, '127.0.0.1');
    await once(hanging, 'listening');
    const accepted = once(hanging, 'connection').then(([socket]) => cleanups.push(() => socket.destroy()));
    cleanups.push(() => hanging.close());
    const { port } = hanging.address() as AddressInfo;

    const client = await consumers.open({
      target: staticTarget(port),
      tls: {},
      connection: { connectTimeout: 60_000 },
    });

    expect(client.nodes()).toMatchObject([{ status: 'connecting' }]);
    await accepted;
    await consumers.close();
  });
});

describe('a node that dies', () => {
  it.each([
    ['our transport', {}],
    ['a ClientTCP', { customClass: ClientTCP }],
  ])('fails the calls that it has with an error that names it, each once: %s', async (_, transport) => {
    const provider = await fleet.start();
    const client = await consumers.open({ target: staticTarget(provider), transport });

    const call = record(client.send(HOLD, {}));
    await provider.process.message('holding');
    await provider.process.kill();
    const { values, errors, completions } = await call;

    expect({ values, completions }).toEqual({ values: [], completions: 0 });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(ConnectionLostError);
    expect(errors[0]).toMatchObject({
      code: 'CONNECTION_LOST',
      service: 'orders',
      attempts: [{ node: provider.address, outcome: 'lost' }],
    });
    expect((errors[0] as Error).message).toContain(
      `orders: the connection to ${provider.address} was lost after the call was sent`,
    );
    expect(client.nodes()).toMatchObject([{ inFlight: 0, calls: 1, failures: 1 }]);
  });

  it('leaves 5 000 calls at once settled, each exactly once', async () => {
    const providers = await fleet.startAll([{}, {}, {}]);
    const victim = providers[1] as Provider;
    const client = await consumers.open({ target: staticTarget(...providers), timeout: 20_000 });
    await ready(client, 3);
    const failed: LoadBalancerEvent[] = [];
    client.events
      .pipe(filter(({ type }) => type === 'attempt-failed'))
      .subscribe((event) => failed.push(event));

    const calls = Array.from({ length: 5_000 }, () => record(client.send(WHO, {})));
    await Promise.race(calls);
    await victim.process.kill();
    const settled = await Promise.all(calls);

    const errors = settled.flatMap((told) => told.errors);
    const answers = settled.flatMap(({ values }) => values);
    expect(settled.every((told) => told.completions + told.errors.length === 1)).toBe(true);
    expect(settled.every(({ values, completions }) => values.length === completions)).toBe(true);
    expect(answers.length + errors.length).toBe(5_000);
    for (const error of errors) {
      expect(isLoadBalancerError(error) && error.code).toBe('CONNECTION_LOST');
      expect((error as ConnectionLostError).attempts.at(-1)?.node).toBe(victim.address);
    }
    // Whatever happened to an attempt, its node has counted its end once.
    const nodes = client.nodes();
    expect(nodes.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
    expect(nodes.reduce((sum, { calls: attempts }) => sum + attempts, 0)).toBe(
      5_000 + failed.length - errors.length,
    );
  });
});

describe('a node that hangs', () => {
  const healthCheck = { interval: 600, timeout: 300 };

  it('costs its calls their deadline until probes take it out, and comes back when it answers', async () => {
    const providers = await fleet.startAll([{}, {}, {}]);
    const hung = providers[0] as Provider;
    const target = staticTarget(...providers);
    const client = await consumers.open({ target, strategy: 'round-robin', healthCheck });
    await ready(client, 3);

    await hung.process.freeze();
    const calls = await Promise.all([1, 2, 3].map(() => record(client.send(WHO, {}, { timeout: 1_000 }))));

    const errors = calls.flatMap((told) => told.errors);
    expect(calls.flatMap(({ values }) => values).sort()).toEqual(['node-2', 'node-3']);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(DeadlineExceededError);
    expect(errors[0]).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      attempts: [{ node: hung.address, outcome: 'timed-out' }],
    });
    expect((errors[0] as Error).message).toContain(
      `orders: no answer within 1000 ms: ${hung.address} timed-out`,
    );

    await nodeBecomes(client, hung.address, 'unhealthy');
    const meanwhile = await inParallel(100, 10, () => who(client));
    expect(tally(meanwhile)).toEqual({ 'node-2': 50, 'node-3': 50 });

    hung.process.thaw();
    await nodeBecomes(client, hung.address, 'ready');
    const afterwards = await inParallel(300, 10, () => who(client));
    expect(tally(afterwards)).toEqual({ 'node-1': 100, 'node-2': 100, 'node-3': 100 });
  });

  it('gets a new connection when only the old one hangs', async () => {
    const provider = await fleet.start();
    const proxy = await SilentProxy.to(provider.port);
    cleanups.push(() => proxy.close());
    const client = await consumers.open({
      target: staticTarget(proxy.port),
      healthCheck,
      connection: { backoff: { initial: 50 } },
    });
    expect(await who(client)).toBe('node-1');

    const unhealthy = nodeBecomes(client, `127.0.0.1:${proxy.port}`, 'unhealthy');
    proxy.silence();
    await unhealthy;
    await ready(client, 1);

    expect(await who(client)).toBe('node-1');
    expect(proxy).toMatchObject({ accepted: 2, endedByClient: 1 });
  });
});

describe('a file that lists the nodes', () => {
  it('is followed while calls go on, none of which is lost', async () => {
    const [first, second, third] = (await fleet.startAll([{}, {}, {}])) as [Provider, Provider, Provider];
    const file = nodeFile(first, second);
    const client = await consumers.open({ target: file.target, strategy: 'round-robin' });
    await ready(client, 2);

    let going = true;
    const answers: string[] = [];
    const traffic = inParallel(4, 4, async () => {
      while (going) answers.push(await who(client));
    });

    file.write(first, second, third);
    await ready(client, 3);
    await firstValueFrom(client.send(WHO, {}));
    const gone = next(client, 'node-removed');
    file.write(second, third);
    expect(await gone).toMatchObject({ node: first.address });
    const broken = next(client, 'resolve-failed');
    file.writeText('[ "127.0.0.1:');
    await broken;
    await first.process.kill();
    const afterwards = await inParallel(100, 10, () => who(client));
    going = false;
    await traffic;

    expect(Object.keys(tally(answers)).sort()).toEqual(['node-1', 'node-2', 'node-3']);
    expect(Object.keys(tally(afterwards)).sort()).toEqual(['node-2', 'node-3']);
    expect(client.nodes().map(({ key }) => key)).toEqual([second.address, third.address]);
  });

  it('lets a node that it no longer lists finish what it has', async () => {
    const [first, second] = (await fleet.startAll([{}, {}])) as [Provider, Provider];
    const file = nodeFile(first, second);
    const client = await consumers.open({ target: file.target });
    await ready(client, 2);
    const calls = [record(client.send(HOLD, {})), record(client.send(HOLD, {}))];
    await Promise.all([first.process.message('holding'), second.process.message('holding')]);

    const gone = next(client, 'node-removed');
    file.write(second);
    await gone;
    first.process.tell('release');
    second.process.tell('release');

    const answers = (await Promise.all(calls)).flatMap(({ values }) => values);
    expect(answers.sort()).toEqual(['node-1', 'node-2']);
  });
});

describe('closing', () => {
  it('lets the calls in flight finish, and takes no new ones', async () => {
    const provider = await fleet.start();
    const { app, client } = await consumers.openApp({ target: staticTarget(provider) });
    const call = record(client.send(HOLD, {}));
    await provider.process.message('holding');

    let closed = false;
    const closing = app.close().then(() => (closed = true));
    await loopTurned();
    expect(await failure(client.send(WHO, {}))).toBeInstanceOf(ClientClosedError);
    expect(closed).toBe(false);
    provider.process.tell('release');

    expect(await call).toEqual({ values: ['node-1'], errors: [], completions: 1 });
    await closing;
  });
});

/** The next event of this type. */
function next(client: BalancedClientProxy, type: LoadBalancerEvent['type']): Promise<LoadBalancerEvent> {
  return firstValueFrom(
    client.events.pipe(
      filter((event) => event.type === type),
      take(1),
    ),
  );
}

/** A file of nodes in a folder of its own, replaced as a whole by each write. */
function nodeFile(...providers: Provider[]) {
  const folder = mkdtempSync(join(tmpdir(), 'load-balancer-e2e-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'nodes.json');
  const writeText = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const write = (...nodes: Provider[]): void =>
    writeText(JSON.stringify(nodes.map(({ address }) => address)));
  write(...providers);
  return { target: `file://${path}?poll=100`, write, writeText };
}
