import { afterAll, afterEach, beforeAll, jest } from '@jest/globals';
import { Observable } from 'rxjs';
import { deadlines } from '../context/deadlines.js';
import type { RequestContext } from '../context/request-context.js';
import type { LoadBalancerError } from '../errors.js';
import { isLoadBalancerError } from '../errors.js';
import type { ServiceOptions } from '../module/options.js';
import type { LoadBalancerEvent } from '../telemetry/events.js';
import { FakeService } from '../testing/fake-service.js';
import type { FakeRequest } from '../testing/fake-transport.js';
import { probeAnswer } from '../transport/probe-protocol.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import type { CallOptions } from './call-options.js';
import { BalancedCall } from './call.js';

export const A = '10.0.0.1:1';
export const B = '10.0.0.2:1';
export const C = '10.0.0.3:1';
/** Milliseconds by which something timed may be late: a tick of the wheel and one of the timer. */
export const LATE = 6;

/** Runs a whole file on one virtual clock (so call it once): the timers of all calls hang on it. Calls that a test leaves behind time out. */
export function useVirtualTime(): void {
  beforeAll(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  });
  afterEach(() => after(5_000 + LATE));
  afterAll(() => {
    jest.useRealTimers();
  });
}

export const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
export const settled = (): Promise<void> => after(0);

export interface CallSpec {
  kind?: 'request' | 'event';
  pattern?: unknown;
  data?: unknown;
  options?: CallOptions;
  /** Of the request that the call is made for. */
  context?: Partial<RequestContext>;
}

export interface MadeCall {
  /** Values, then `'complete'`, the code of an error of ours, or any other error itself. */
  readonly seen: unknown[];
  /** Milliseconds until its end. */
  took: number;
  error: LoadBalancerError | undefined;
  unsubscribe(): void;
}

/** Makes a call and writes down what its caller sees. */
export function make(service: FakeService, spec: CallSpec = {}): MadeCall {
  const { kind = 'request', pattern = 'p', data = 'd', options = {}, context } = spec;
  const started = performance.now();
  const made: MadeCall = { seen: [], took: NaN, error: undefined, unsubscribe: () => undefined };
  const end = (how: unknown): void => {
    made.took = performance.now() - started;
    made.seen.push(how);
  };
  const request = {
    kind,
    pattern,
    data,
    options,
    context: context as RequestContext,
    contextForwarded: false,
  };
  const subscription = new Observable((subscriber) => {
    const call = new BalancedCall(service.upstream, request, subscriber);
    call.start();
    return call;
  }).subscribe({
    next: (value) => made.seen.push(value),
    complete: () => end('complete'),
    error: (error: unknown) => {
      if (isLoadBalancerError(error)) made.error = error;
      end(isLoadBalancerError(error) ? error.code : error);
    },
  });
  made.unsubscribe = () => subscription.unsubscribe();
  return made;
}

/** A service whose nodes are connected (the eager ones) and whose chance always draws the middle. */
export async function serviceOf(
  nodes: string[],
  options?: Omit<ServiceOptions, 'target'>,
): Promise<FakeService> {
  const service = new FakeService(options);
  Object.assign(service.upstream, { random: () => 0.5 });
  service.resolve(...nodes);
  service.accept(...nodes.filter((key) => service.transports.has(key)));
  await settled();
  return service;
}

/** What the nodes have been asked for, without probes, in the order in which it was sent. */
export function sent(service: FakeService): FakeRequest[] {
  return service.requests.filter(({ packet }) => !isProbe(packet.pattern)).sort((a, b) => a.order - b.order);
}

/** What waits for an answer, in the order in which it was sent. */
export const waiting = (service: FakeService): FakeRequest[] =>
  sent(service).filter((request) => request.waiting);

/** The node that a request was sent to. */
export function nodeOf(service: FakeService, request: FakeRequest | undefined): string | undefined {
  for (const [key, transports] of service.transports)
    if (request && transports.some(({ requests }) => requests.includes(request))) return key;
  return undefined;
}

export const nodesAsked = (service: FakeService): (string | undefined)[] =>
  sent(service).map((request) => nodeOf(service, request));

export function answer(request: FakeRequest | undefined, value: unknown = 'ok'): void {
  end(request).next(value, true);
}

export function fail(request: FakeRequest | undefined, error: unknown, trailer?: ReplyTrailer): void {
  end(request).error(error, trailer);
}

/** The server refuses it before its handler. */
export function refuse(
  request: FakeRequest | undefined,
  refused: NonNullable<ReplyTrailer['refused']>,
  retryAfter?: ReplyTrailer['retryAfter'],
): void {
  end(request).error(
    { status: 'error', message: refused },
    { refused, ...(retryAfter !== undefined && { retryAfter }) },
  );
}

/** The connection that it was sent on goes. */
export function lose(service: FakeService, request: FakeRequest | undefined, written = true): void {
  service.transport(nodeOf(service, request) ?? 'no node').lose(new Error('read ECONNRESET'), () => written);
}

/** Answers the probes that wait, as a server of ours does the first time on a connection, or (`undefined`) as a stock one. */
export function answerProbes(service: FakeService, ours?: Parameters<typeof probeAnswer>[2]): void {
  for (const request of service.requests) {
    if (!request.waiting || !isProbe(request.packet.pattern)) continue;
    if (ours) answer(request, probeAnswer('orders', ['cancel', 'drain', 'trailer'], ours));
    else fail(request, 'There is no matching message handler defined in the remote service.');
  }
}

export const inFlight = (service: FakeService): number =>
  [...service.nodes].reduce((sum, node) => sum + node.inFlight, 0);

/** Timers of calls that are armed. */
export const armed = (): number => (deadlines as unknown as { wheel: { size: number } }).wheel.size;

export const eventsOf = <T extends LoadBalancerEvent['type']>(
  { events }: FakeService,
  type: T,
): Extract<LoadBalancerEvent, { type: T }>[] =>
  events.filter((event): event is Extract<LoadBalancerEvent, { type: T }> => event.type === type);

function end(request: FakeRequest | undefined) {
  if (!request?.waiting) throw new Error('nobody waits for the answer');
  request.waiting = false;
  return request.reply;
}

function isProbe(pattern: unknown): boolean {
  return typeof pattern === 'object' && pattern !== null && 'nestjs-load-balancer' in pattern;
}
