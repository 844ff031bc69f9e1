import { describe, expect, it } from '@jest/globals';
import { FakeService } from '../testing/fake-service.js';
import { InvalidOptionsError } from '../errors.js';
import type { BroadcastReport } from './broadcast.js';
import { broadcast, validateBroadcastOptions } from './broadcast.js';
import { A, after, B, C, serviceOf, settled, useVirtualTime } from './call.spec.fixture.js';

useVirtualTime();

/** What became of a broadcast, once that is known. */
function send({ upstream }: FakeService, timeout = 1_000) {
  const sent = { report: undefined as BroadcastReport | undefined, error: undefined as unknown };
  let count = 0;
  broadcast(upstream, () => ({ pattern: 'flush', data: ++count }), timeout).then(
    (report) => (sent.report = report),
    (error: unknown) => (sent.error = error),
  );
  return sent;
}

describe('a broadcast', () => {
  it('goes to every ready node, to each in a packet of its own', async () => {
    const service = await serviceOf([A, B]);
    const sent = send(service);
    await settled();
    expect(sent.report).toEqual({ sent: [A, B], failed: [] });
    const packets = [A, B].flatMap((key) => service.transport(key).events);
    expect(packets).toEqual([
      { pattern: 'flush', data: 1 },
      { pattern: 'flush', data: 2 },
    ]);
  });

  it('opens the connections of idle nodes', async () => {
    const service = await serviceOf([A], { connection: { eager: 1 } });
    service.resolve(A, B, C);
    const sent = send(service);
    await settled();
    expect(sent.report).toBeUndefined();
    service.accept(B);
    service.transport(C).refuse();
    await settled();
    expect(sent.report).toEqual({ sent: [A, B], failed: [{ node: C, reason: 'connect ECONNREFUSED' }] });
  });

  it('leaves out nodes that are down, or draining', async () => {
    const service = await serviceOf([A, B, C]);
    service.transport(A).lose();
    service.upstream.cluster.nodes.get(B)!.setGoingAway();
    const sent = send(service);
    await settled();
    expect(sent.report).toEqual({ sent: [C], failed: [] });
  });

  it('goes to nodes that are ill, when calls do, too', async () => {
    const service = await serviceOf([A, B]);
    for (const node of service.upstream.cluster.nodes.values()) node.setProbe('unhealthy', 'silent');
    expect(service.upstream.cluster.panic).toBe(true);
    const sent = send(service);
    await settled();
    expect(sent.report).toEqual({ sent: [A, B], failed: [] });
  });

  it('waits for the first node, until its time is up', async () => {
    const service = new FakeService();
    const [early, late] = [send(service, 100), send(service, 1_000)];
    await after(100);
    expect(early.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    service.resolve(A);
    service.accept(A);
    await settled();
    expect(late.report).toEqual({ sent: [A], failed: [] });
  });

  it('fails when every node has failed', async () => {
    const service = await serviceOf([A]);
    service.transport(A).lose();
    service.transport(A).refuse();
    await settled();
    const sent = send(service);
    await settled();
    expect(sent.error).toMatchObject({ code: 'NO_NODES' });
  });

  it('sends nothing to a node of which it has said that it failed', async () => {
    const service = await serviceOf([A], { connection: { eager: 1 } });
    service.resolve(A, B);
    const sent = send(service, 100);
    await after(100);
    expect(sent.report).toEqual({
      sent: [A],
      failed: [{ node: B, reason: 'not handed over within 100 ms' }],
    });
    service.accept(B);
    await settled();
    expect(service.transport(B).events).toEqual([]);
  });

  it('waits as long as it takes with a timeout of 0', async () => {
    const service = await serviceOf([A], { connection: { eager: 1 } });
    service.resolve(A, B);
    const sent = send(service, 0);
    await after(60_000);
    expect(sent.report).toBeUndefined();
    service.accept(B);
    await settled();
    expect(sent.report?.sent).toEqual([A, B]);
  });

  it('tells of a node whose packet could not be made', async () => {
    const service = await serviceOf([A, B]);
    service.transport(A).serializerError = new Error('cannot serialize');
    const sent = send(service);
    await settled();
    expect(sent.report).toEqual({ sent: [B], failed: [{ node: A, reason: 'cannot serialize' }] });
  });
});

it('has no use for the options of a single call', () => {
  validateBroadcastOptions({ timeout: 1, metadata: {} });
  expect(() =>
    validateBroadcastOptions({ idempotent: true, hedge: false, retry: false, waitForReady: true }),
  ).toThrow(InvalidOptionsError);
  expect(() => validateBroadcastOptions({ hashKey: 'c-7' })).toThrow(
    'broadcast(…).hashKey: is for send() and emit() only',
  );
});
