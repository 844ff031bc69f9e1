import { defer, type Observable } from 'rxjs';
import { InvalidOptionsError } from '../../errors.js';
import { SYSTEM_TIME } from '../../time-source.js';
import type { ResolutionDeps } from '../resolution.js';
import type { Resolver, ResolverEmission, Target } from '../resolver.js';
import { DnsLookUp } from './dns-look-up.js';
import { dnsOptionsProblem, parseDnsTarget, type DnsResolverOptions } from './dns-target.js';
import { lookAgain } from './look-again.js';
import { openNameServer, type OpenNameServer } from './name-server.js';

/** The network, time and chance, to be replaced in tests. */
export interface DnsResolverDeps {
  readonly open: OpenNameServer;
  readonly time: Pick<ResolutionDeps, 'random' | 'now' | 'setTimer'>;
}

/**
 * Nodes of the DNS: `dns:///orders.internal:4001` has one for each address of the name (A and AAAA records), and
 * `dns+srv:///_orders._tcp.internal` one for each address of each host of its SRV records, with their ports, priorities and
 * weights. Own name servers stand where a URI has its host: `dns://10.0.0.53:5353/orders.internal:4001`.
 *
 * It looks again when the time to live of the answer is over (SRV records, of which Node does not tell it, and names of the
 * hosts file: every `interval`), and soon after a connection was lost. A name that the DNS does not have is looked for in the
 * hosts file and the search domains too, unless there are own servers.
 *
 * It is built in; make one of your own for other settings than the default ones.
 *
 * @example
 * ```ts
 * LoadBalancerModule.forRoot({
 *   resolvers: [new DnsResolver({ servers: ['10.0.0.53'], family: 4 })],
 *   services: { orders: 'dns:///orders.internal:4001', users: 'dns+srv:///_users._tcp.internal?interval=2000' },
 * })
 * ```
 */
export class DnsResolver implements Resolver {
  readonly schemes = ['dns', 'dns+srv'];

  /** @throws InvalidOptionsError when an option is wrong */
  constructor(
    private readonly options: DnsResolverOptions = {},
    private readonly deps: DnsResolverDeps = { open: openNameServer, time: SYSTEM_TIME },
  ) {
    const problem = dnsOptionsProblem(options);
    if (problem !== undefined)
      throw new InvalidOptionsError([{ path: 'new DnsResolver()', message: problem }]);
  }

  validate(target: Target): string | undefined {
    const query = parseDnsTarget(target, this.options);
    return query.ok ? undefined : query.problem;
  }

  watch(target: Target, refresh: Observable<void>): Observable<ResolverEmission> {
    return defer(() => {
      const query = parseDnsTarget(target, this.options);
      if (!query.ok) throw new Error(query.problem);
      return lookAgain(
        () => new DnsLookUp(query.value, this.deps.open),
        refresh,
        query.value,
        this.deps.time,
      );
    });
  }
}
