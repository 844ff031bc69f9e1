import { Etcd3, isRecoverableError, type IOptions } from 'etcd3';
import { connect } from 'node:net';
import { parseHostPort } from '../host-port.js';
import type { EtcdConnection } from './etcd-options.js';

/**
 * Milliseconds for one try of a unary call. Without a deadline, a call that a leader did not live to answer hangs for six
 * seconds; a healthy cluster answers in a few milliseconds, across regions in a few hundred.
 */
const CALL_TIMEOUT = 1_000;
/** Milliseconds for the list of all nodes of a service, which may be megabytes. */
export const LIST_TIMEOUT = 3_000;
/** Bytes of one answer: 100 000 nodes; gRPC's own limit (4 MB) is reached with ten thousand. */
const MAX_MESSAGE = 64 * 1024 * 1024;

/**
 * gRPC waits up to two minutes before it tries an address again that refused. How often etcd is tried is decided here, with
 * jitter, so its own waiting is kept short. The pings find a connection that has silently gone; a server takes none more often
 * than every five seconds.
 */
const CHANNEL: NonNullable<IOptions['grpcOptions']> = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.max_receive_message_length': MAX_MESSAGE,
};

type FaultHandling = NonNullable<IOptions['faultHandling']>;
type Policy = NonNullable<FaultHandling['global']>;

/** Only this method is used of a policy. Those of `cockatiel`, which this stands for, are not ours to import. */
function policy(execute: (call: () => PromiseLike<unknown>) => Promise<unknown>): Policy {
  return { execute } as unknown as Policy;
}

/**
 * No circuit breaker: its five seconds would keep a registry away that is back. Each endpoint is tried once, and the only one
 * twice, since its connection may have been lost only just now.
 */
function faultHandling(endpoints: number): FaultHandling {
  const tries = Math.max(2, endpoints);
  return {
    host: () => policy(async (call) => call()),
    global: policy(async (call) => {
      for (let tried = 1; ; tried++) {
        try {
          return await call();
        } catch (error) {
          if (tried >= tries || !(error instanceof Error) || !isRecoverableError(error)) throw error;
        }
      }
    }),
  };
}

/** A client of its own connections; to be closed. */
export function openEtcd({ hosts, auth, tls }: EtcdConnection): Etcd3 {
  return new Etcd3({
    hosts: hosts.map((host) => `${tls ? 'https' : 'http'}://${host}`),
    grpcOptions: CHANNEL,
    faultHandling: faultHandling(hosts.length),
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + CALL_TIMEOUT }),
    ...(auth && { auth: { ...auth } }),
    // Without `rootCertificate`, gRPC takes the authorities of the system.
    ...(tls && {
      credentials: {
        rootCertificate: tls.ca as Buffer,
        ...(tls.key && { privateKey: tls.key }),
        ...(tls.cert && { certChain: tls.cert }),
      },
    }),
  });
}

/**
 * Resolves once one of the endpoints accepts a connection. etcd3 asks for its token over a connection that knows nothing of
 * `CHANNEL`: having failed a few times, it would not be tried again for up to two minutes.
 */
export async function anyAccepts(hosts: readonly string[]): Promise<void> {
  try {
    await Promise.any(hosts.map(accepts));
  } catch (error) {
    throw (error as AggregateError).errors[0];
  }
}

function accepts(endpoint: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const address = parseHostPort(endpoint);
    if (!address.ok) {
      reject(new Error(address.problem));
      return;
    }
    const socket = connect({ ...address.value, timeout: CALL_TIMEOUT });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error(`connect ETIMEDOUT ${endpoint}`)));
    socket.once('error', reject);
  });
}
