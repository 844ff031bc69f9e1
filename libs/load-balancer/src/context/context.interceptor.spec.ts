import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { KafkaContext } from '@nestjs/microservices';
import { defer, lastValueFrom, of } from 'rxjs';
import { ContextInterceptor } from './context.interceptor.js';
import { RequestContext } from './request-context.js';

const next = { handle: () => defer(() => of(RequestContext.current())) };

function host(type: string, rpcContext?: unknown, request?: unknown): ExecutionContext {
  return {
    getType: () => type,
    switchToRpc: () => ({ getContext: () => rpcContext }),
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({}) }),
  } as unknown as ExecutionContext;
}

function intercepted(...args: Parameters<typeof host>): Promise<RequestContext | undefined> {
  return lastValueFrom(new ContextInterceptor().intercept(host(...args), next)) as Promise<
    RequestContext | undefined
  >;
}

describe('ContextInterceptor', () => {
  const open = new RequestContext({ requestId: 'open' });

  it.each([
    [
      'Kafka',
      new KafkaContext([{ headers: {} } as any, 0, 'topic', {} as any, async () => undefined, {} as any]),
    ],
    ['gRPC', { internalRepr: new Map([['x-request-id', ['g-1']]]) }],
    ['a transport without any context', undefined],
    ['a strategy with a context that is a string', 'context'],
  ])('opens a fresh context for messages of %s', async (_transport, rpcContext) => {
    const context = await intercepted('rpc', rpcContext);
    expect(context?.requestId).toHaveLength(36);
    expect(context?.retryUnknown).toBe(true);
  });

  it('reads the metadata of an RPC context that has some', async () => {
    const rpcContext = { getMetadata: () => ({ 'x-request-id': 'r-1' }) };
    expect(await intercepted('rpc', rpcContext)).toMatchObject({ requestId: 'r-1', retryUnknown: false });
  });

  it.each(['rpc', 'graphql'])('leaves the context alone that is open for %s', async (type) => {
    expect(await RequestContext.run(open, () => intercepted(type))).toBe(open);
  });

  it('opens a fresh one for GraphQL over its own socket', async () => {
    expect((await intercepted('graphql'))?.requestId).toHaveLength(36);
  });

  it('opens one for each WebSocket message, whatever was open at the handshake', async () => {
    const [first, second] = await RequestContext.run(open, () =>
      Promise.all([intercepted('ws'), intercepted('ws')]),
    );
    expect(new Set([open.requestId, first?.requestId, second?.requestId]).size).toBe(3);
  });

  it('finds the context of an HTTP request again after it was lost', async () => {
    const request = { headers: { 'x-request-id': 'h-1' } };
    const first = await intercepted('http', undefined, request);
    const again = await intercepted('http', undefined, { raw: request, headers: {} });
    expect(first?.requestId).toBe('h-1');
    expect(again).toBe(first);
  });
});
