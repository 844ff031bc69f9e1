import { lookup, Resolver } from 'node:dns/promises';

export interface AddressRecord {
  readonly address: string;
  /** Seconds; `undefined` where it is not known. */
  readonly ttl: number | undefined;
}

export interface SrvRecord {
  /** The target: a host name, or nothing where the service is not offered. */
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Who is asked. Everything rejects with the `code` of `node:dns`; replaced in tests. */
export interface NameServer {
  readonly addresses: (name: string, family: 4 | 6) => Promise<readonly AddressRecord[]>;
  readonly services: (name: string) => Promise<readonly SrvRecord[]>;
  /** As every program of this machine finds it: also in the hosts file, and in the search domains. */
  readonly local: (name: string, family: 4 | 6) => Promise<readonly AddressRecord[]>;
  /** Ends what is being asked. */
  readonly cancel: () => void;
}

/** Opens a way to the given name servers; to those of the system where there are none. */
export type OpenNameServer = (servers: readonly string[], timeout: number) => NameServer;

/** Each server is asked twice at most; c-ares waits twice as long the second time. */
const TRIES = 2;

export const openNameServer: OpenNameServer = (servers, timeout) => {
  const resolver = new Resolver({ timeout, tries: TRIES });
  // As it takes them: an IPv6 address with brackets needs a port.
  if (servers.length > 0) resolver.setServers(servers.map((server) => server.replace(/^\[(.*)\]$/, '$1')));
  return {
    addresses: (name, family) =>
      family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }),
    services: (name) => resolver.resolveSrv(name),
    local: async (name, family) => {
      const found = await lookup(name, { all: true, family });
      return found.map(({ address }) => ({ address, ttl: undefined }));
    },
    cancel: () => resolver.cancel(),
  };
};
