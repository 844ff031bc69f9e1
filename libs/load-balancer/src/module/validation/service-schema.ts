import type {
  BackoffOptions,
  ConnectionSettings,
  ContextForwardOptions,
  HealthCheckOptions,
} from '../options.js';
import type { ServiceOptions, TransportOptions } from '../options.js';
import { isHeaderName, isReservedKey } from '../../context/context-keys.js';
import { describeValue } from '../../safe-text.js';
import { dryRun, outlierDetection, slowStart } from './outlier-schema.js';
import { locality, subset } from './locality-schema.js';
import { hashKey, hedge, limits, patterns, serviceRetry } from './call-schema.js';
import {
  anything,
  boolean,
  callable,
  having,
  integer,
  isObject,
  list,
  milliseconds,
  number,
  orFalse,
  section,
  type Check,
  type Fields,
} from './schema.js';

const healthCheck = section<HealthCheckOptions>(
  {
    interval: milliseconds(10),
    timeout: milliseconds(1),
    healthyThreshold: integer(1),
    unhealthyThreshold: integer(1),
    jitter: number({ min: 0, max: 1 }),
  },
  'an object or false',
);

const backoff = section<BackoffOptions>({
  initial: milliseconds(1),
  multiplier: number({ min: 1, max: 100 }),
  jitter: number({ min: 0, max: 1 }),
  max: milliseconds(1),
});

const connection = section<ConnectionSettings>({
  connectTimeout: milliseconds(1),
  keepAlive: orFalse(milliseconds(1)),
  idleTimeout: milliseconds(0),
  eager: integer(0),
  backoff,
});

/** Its options are Node's to check, and its values are secrets: no text is even shown when they are wrong. */
const tls: Check = (value, path, report) => {
  if (isObject(value)) return;
  const got = typeof value === 'string' ? 'a string' : describeValue(value);
  report(path, `expected an object with options of tls.connect, {} for the defaults, got ${got}`);
};

const forwardedKey: Check = (value, path, report) => {
  if (typeof value !== 'string' || !isHeaderName(value)) {
    report(
      path,
      `expected the name of a header in lower case, such as "x-tenant", got ${describeValue(value)}`,
    );
  } else if (value === 'authorization') report(path, 'forwarded with authorization: true, not from here');
  else if (isReservedKey(value)) report(path, `${describeValue(value)} is always forwarded`);
};

const context = section<ContextForwardOptions>({
  forward: list(forwardedKey, 'keys'),
  authorization: boolean,
});

const transport = section<TransportOptions>({
  serializer: having('serialize'),
  deserializer: having('deserialize'),
  socketClass: callable('a subclass of TcpSocket'),
  customClass: callable('a subclass of ClientTCP'),
  maxBufferSize: integer(1),
  incompleteMessageTimeout: milliseconds(0),
  maxSendBufferSize: integer(0),
});

const withoutTarget: Fields<Omit<ServiceOptions, 'target'>> = {
  // See strategies.ts: it needs the names that the module knows.
  strategy: anything,
  timeout: milliseconds(0),
  retry: serviceRetry,
  hedge,
  hashKey,
  limits,
  patterns,
  explainErrors: boolean,
  waitForReady: boolean,
  minReady: integer(0),
  panicThreshold: number({ min: 0, max: 100, unit: 'per cent' }),
  healthCheck: orFalse(healthCheck),
  outlierDetection,
  dryRun,
  slowStart,
  locality,
  subset,
  connection,
  tls,
  context,
  interceptors: list(callable('a function (call, next) => Observable'), 'interceptors'),
  transport,
};

/** The options of a service. */
export const serviceSchema = section<ServiceOptions>(
  // See targets.ts: it needs the resolvers that the module knows.
  { target: anything, ...withoutTarget },
);

/** What all services start from: their options without a target. */
export const defaultsSchema = section<Omit<ServiceOptions, 'target'>>(withoutTarget);
