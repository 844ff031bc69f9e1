import { Etcd3, isRecoverableError, type CallContext, type IOptions } from 'etcd3';
import type { EtcdConnection } from './etcd-options.js';
import { inTurn } from './in-turn.js';

/**
 * Milliseconds for one try of a unary call, and until another endpoint is asked as well. Without a deadline, a call that a
 * leader did not live to answer hangs for six seconds; a healthy cluster answers in a few milliseconds, across regions in a few
 * hundred.
 */
const CALL_TIMEOUT = 1_000;
/** Milliseconds for one try of the list of all nodes of a service, which may be megabytes. */
const LIST_TIMEOUT = 3_000;
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

const once = policy(async (call) => call());

/**
 * No circuit breaker: its five seconds would keep a registry away that is back. Each endpoint is tried once, and the only one
 * twice, since its connection may have been lost only just now. One that hangs does not keep the others from being asked.
 */
function faultHandling(endpoints: number): FaultHandling {
  const settings = {
    tries: Math.max(2, endpoints),
    patience: endpoints > 1 ? CALL_TIMEOUT : Infinity,
    isPassing: isRecoverableError,
  };
  return { host: () => once, global: policy((call) => inTurn(call, settings)) };
}

/** Each try has its own deadline, and gets it when it begins. */
function callOptions(call: CallContext): { deadline?: number } {
  if (call.isStream) return {};
  const isList = call.method === 'range' && call.params.count_only !== true;
  return { deadline: Date.now() + (isList ? LIST_TIMEOUT : CALL_TIMEOUT) };
}

/** A client of its own connections; to be closed. */
export function openEtcd({ hosts, auth, tls }: EtcdConnection): Etcd3 {
  const scheme = tls ? 'https' : 'http';
  const settings = {
    grpcOptions: CHANNEL,
    defaultCallOptions: callOptions,
    // Without `rootCertificate`, gRPC takes the authorities of the system.
    ...(tls && {
      credentials: {
        rootCertificate: tls.ca as Buffer,
        ...(tls.key && { privateKey: tls.key }),
        ...(tls.cert && { certChain: tls.cert }),
      },
    }),
  };
  const etcd = new Etcd3({
    ...settings,
    hosts: hosts.map((host) => `${scheme}://${host}`),
    faultHandling: faultHandling(hosts.length),
    ...(auth && { auth: { ...auth } }),
  });
  if (auth) {
    fetchTokensWith(etcd, async (host, username, password) => {
      // etcd3 goes on to the next endpoint by itself.
      const one = new Etcd3({
        ...settings,
        hosts: `${scheme}://${host}`,
        faultHandling: { host: () => once, global: once },
      });
      try {
        return (await one.auth.authenticate({ name: username, password })).token;
      } finally {
        one.close();
      }
    });
  }
  return etcd;
}

type FetchToken = (host: string, username: string, password: string) => Promise<string>;

/**
 * etcd3 opens a connection for each token that it fetches, with none of our `CHANNEL`, and never closes it: with TLS, each
 * would stay for half an hour. It has no option for that, so its own method is replaced; etcd-access.registry-spec.ts would
 * show if that were no longer called.
 */
function fetchTokensWith(etcd: Etcd3, fetchToken: FetchToken): void {
  const { pool } = etcd as unknown as { pool: { authenticator: { getCredentialsFromHost: FetchToken } } };
  pool.authenticator.getCredentialsFromHost = fetchToken;
}
