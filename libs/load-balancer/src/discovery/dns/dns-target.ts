import { isIP } from 'node:net';
import { describeValue } from '../../safe-text.js';
import { hostProblem, parseHostPort } from '../host-port.js';
import { parsed, problemsOf, refused, type Parsed } from '../parsed.js';
import type { Target } from '../resolver.js';
import { unknownParamProblem } from '../target.js';

/** How names are looked up. Each can also stand in the target, where it wins: `dns:///orders.internal:4001?family=4`. */
export interface DnsResolverOptions {
  /**
   * The name servers to ask, as IP addresses with or without a port (53): `['10.0.0.53', '[fd00::53]:5353']`; those of the
   * system by default. In the target: `dns://10.0.0.53:5353/orders.internal:4001`, several with commas between them.
   */
  servers?: readonly string[];
  /** Only addresses of this family; both by default. */
  family?: 4 | 6;
  /** Milliseconds to the next look-up where the answer has no time to live (SRV records, the hosts file); 5 000 by default. */
  interval?: number;
  /** Milliseconds between two look-ups, however short the time to live; 1 000 by default. */
  minInterval?: number;
  /** Milliseconds to the next look-up, however long the time to live; 300 000 by default. */
  maxInterval?: number;
  /** Milliseconds that a name server has for its answer before it, or the next one, is asked once more; 1 000 by default. */
  timeout?: number;
}

/** What is looked up, and how. */
export interface DnsQuery {
  /** A name in lower case, or an IP address. */
  readonly name: string;
  /** Of a host; SRV records tell it themselves. */
  readonly port: number | undefined;
  /** Empty for those of the system. */
  readonly servers: readonly string[];
  readonly family: 4 | 6 | undefined;
  readonly interval: number;
  readonly minInterval: number;
  readonly maxInterval: number;
  readonly timeout: number;
}

const DEFAULTS = { interval: 5_000, minInterval: 1_000, maxInterval: 300_000, timeout: 1_000 };
const TIMES = ['interval', 'minInterval', 'maxInterval', 'timeout'] as const;
const PARAMS = ['family', ...TIMES];
const MIN_TIME = 100;
const MAX_TIME = 86_400_000;

/** Reads a `dns:` or `dns+srv:` target over the resolver's own options. */
export function parseDnsTarget(target: Target, options: DnsResolverOptions = {}): Parsed<DnsQuery> {
  // Before anything is quoted: what stands there may be a password.
  if (target.authority.includes('@')) return refused('a name server takes no user name');
  const subject = target.scheme === 'dns+srv' ? parseServiceName(target.path) : parseHost(target.path);
  const servers = target.authority === '' ? (options.servers ?? []) : target.authority.split(',');
  const family = target.params.family ?? options.family;
  const times = { ...DEFAULTS };
  for (const time of TIMES) times[time] = Number(target.params[time] ?? options[time] ?? DEFAULTS[time]);
  const problem = problemsOf(
    unknownParamProblem(target, PARAMS),
    subject.ok ? undefined : subject.problem,
    // Without anything to look up, the name server was meant to be that.
    target.path === '' ? undefined : serversProblem(servers),
    familyProblem(family),
    timesProblem(times),
  );
  if (problem !== undefined) return refused(problem);
  if (!subject.ok) return subject;
  return parsed({
    ...subject.value,
    servers,
    family: family === undefined ? undefined : Number(family) === 4 ? 4 : 6,
    ...times,
  });
}

/** The options as such: what is wrong with them is the programmer's, whatever the targets are. */
export function dnsOptionsProblem(options: DnsResolverOptions): string | undefined {
  const unknown = Object.keys(options).find((name) => name !== 'servers' && !PARAMS.includes(name));
  if (unknown !== undefined)
    return `unknown option ${describeValue(unknown)} (known: servers, ${PARAMS.join(', ')})`;
  if (options.servers !== undefined && !Array.isArray(options.servers))
    return `servers: expected a list of IP addresses, got ${describeValue(options.servers)}`;
  const example: Target = { uri: '', scheme: 'dns', authority: '', path: 'localhost:1', params: {} };
  const query = parseDnsTarget(example, options);
  return query.ok ? undefined : query.problem;
}

type Subject = Pick<DnsQuery, 'name' | 'port'>;

function parseHost(path: string): Parsed<Subject> {
  const hostPort = parseHostPort(path);
  return hostPort.ok
    ? parsed({ name: hostPort.value.host, port: hostPort.value.port })
    : refused(`${hostPort.problem} (dns:///orders.internal:4001)`);
}

function parseServiceName(path: string): Parsed<Subject> {
  const example = '(dns+srv:///_orders._tcp.internal)';
  if (/:\d*$/.test(path) || isIP(path) !== 0)
    return refused(
      `expected the name of SRV records, which tell the ports, got ${describeValue(path)} ${example}`,
    );
  const problem = hostProblem(path);
  return problem === undefined
    ? parsed({ name: path.toLowerCase(), port: undefined })
    : refused(`${problem} ${example}`);
}

function serversProblem(servers: readonly unknown[]): string | undefined {
  const wrong = servers.find((server) => !isServer(server));
  return wrong === undefined
    ? undefined
    : `expected the IP address of a name server, with or without a port, got ${describeValue(wrong)}`;
}

/** `10.0.0.53`, `10.0.0.53:53`, `fd00::53` or `[fd00::53]:53`: names would have to be looked up themselves. */
function isServer(server: unknown): boolean {
  if (typeof server !== 'string') return false;
  const address = /^\[(.*)\]$/.exec(server)?.[1] ?? server;
  if (isIP(address) !== 0) return true;
  const hostPort = parseHostPort(server);
  return hostPort.ok && isIP(hostPort.value.host) !== 0;
}

function familyProblem(family: string | number | undefined): string | undefined {
  return family === undefined || ['4', '6'].includes(String(family))
    ? undefined
    : `family: expected 4 or 6, got ${describeValue(family)}`;
}

function timesProblem(times: typeof DEFAULTS): string | undefined {
  const outOfRange = TIMES.filter((name) => {
    const time = times[name];
    return !Number.isInteger(time) || time < MIN_TIME || time > MAX_TIME;
  });
  if (outOfRange.length > 0)
    return problemsOf(
      ...outOfRange.map(
        (name) =>
          `${name}: expected an integer from ${MIN_TIME} to ${MAX_TIME} (milliseconds), got ${times[name]}`,
      ),
    );
  return times.maxInterval < times.minInterval
    ? `maxInterval: expected at least the minInterval (${times.minInterval}), got ${times.maxInterval}`
    : undefined;
}
