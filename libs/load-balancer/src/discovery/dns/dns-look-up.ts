import type { Endpoint } from '../../cluster/endpoint.js';
import { inParallel } from './in-parallel.js';
import { codeOf, describeFailures } from './dns-failure.js';
import type { DnsQuery } from './dns-target.js';
import { HostAddresses } from './host-addresses.js';
import type { NameServer, OpenNameServer } from './name-server.js';
import { srvNodes } from './srv-nodes.js';

/** What one look-up found. */
export type LookUpResult =
  | {
      readonly nodes: readonly Endpoint[];
      /** Milliseconds that the answer may be kept; `undefined` where it does not say. */
      readonly ttl: number | undefined;
      /** Why these may not be all nodes. */
      readonly warning: string | undefined;
    }
  | { readonly failure: string };

/** Hosts of SRV records that are looked up at once: name servers drop what comes in bursts. */
const AT_ONCE = 32;
/** Hosts in trouble that a warning names. */
const NAMED = 3;

/** Looks up one name, again and again, with what it remembers of the last time. */
export class DnsLookUp {
  private readonly hosts: HostAddresses;
  private server: NameServer | undefined;

  constructor(
    private readonly query: DnsQuery,
    private readonly open: OpenNameServer,
  ) {
    // The hosts of SRV records are the name servers' own.
    this.hosts = new HostAddresses(query.family, query.port !== undefined && query.servers.length === 0);
  }

  /** Never rejects. One at a time. */
  async run(): Promise<LookUpResult> {
    const { query } = this;
    this.hosts.beginRound();
    this.server ??= this.open(query.servers, query.timeout);
    const { port } = query;
    const result = port === undefined ? await this.services(this.server) : await this.host(this.server, port);
    // The system's name servers may be others by now.
    if ('failure' in result) this.server = undefined;
    return result;
  }

  /** Ends what is being asked. */
  cancel(): void {
    this.server?.cancel();
  }

  private async host(server: NameServer, port: number): Promise<LookUpResult> {
    const { addresses, ttl, answered, problem } = await this.hosts.find(this.query.name, server);
    if (addresses.length === 0 || !answered) return this.failure(problem);
    return { nodes: addresses.map((host) => ({ host, port })), ttl, warning: problem };
  }

  private async services(server: NameServer): Promise<LookUpResult> {
    const { name } = this.query;
    let records;
    try {
      records = await server.services(name);
    } catch (error) {
      return this.failure(`${name}: ${describeFailures([['SRV', codeOf(error)]])}`);
    }
    // "." is an empty name here (RFC 2782: the service is decidedly not available).
    const offered = records.filter((record) => record.name !== '' && record.name !== '.');
    if (offered.length === 0)
      return this.failure(
        `${name}: ${records.length === 0 ? 'there are no SRV records' : 'its SRV record says that the service is not offered (".")'}`,
      );
    const names = [...new Set(offered.map((record) => record.name))].sort();
    const found = await inParallel(names, AT_ONCE, (host) => this.hosts.find(host, server));
    const addressesOf = new Map(names.map((host, index) => [host, found[index]?.addresses ?? []]));
    const nodes = srvNodes(offered, addressesOf);
    const problems = found.flatMap(({ problem }) => problem ?? []);
    if (nodes.length === 0) return this.failure(some(problems));
    const times = found.flatMap(({ ttl }) => ttl ?? []);
    // Node does not tell the time to live of SRV records: that of the hosts is only an upper bound.
    const ttl = Math.min(this.query.interval, ...times);
    return { nodes, ttl, warning: problems.length === 0 ? undefined : some(problems) };
  }

  private failure(problem = `${this.query.name}: nothing was found`): LookUpResult {
    const { servers } = this.query;
    return { failure: servers.length === 0 ? problem : `${problem}; asked ${servers.join(', ')}` };
  }
}

function some(problems: readonly string[]): string {
  const more = problems.length > NAMED ? `; and ${problems.length - NAMED} more` : '';
  return problems.slice(0, NAMED).join('; ') + more;
}
