/**
 * `nestjs-load-balancer/dns`: nodes of the DNS. The schemes `dns://` and `dns+srv://` are built in; this is for settings of
 * one's own.
 */
export { DnsResolver } from './discovery/dns/dns.resolver.js';
export type { DnsResolverOptions } from './discovery/dns/dns-target.js';
