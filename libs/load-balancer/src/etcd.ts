/**
 * `nestjs-load-balancer/etcd`: finding nodes in etcd, and registering there, with options of one's own. It needs the optional
 * peer dependency `etcd3`. A target's URI alone (`etcd://10.0.0.9:2379/orders`) works without it.
 */
export type { EtcdOptions } from './discovery/etcd/etcd-options.js';
export { EtcdRegistrar } from './discovery/etcd/etcd.registrar.js';
export { EtcdResolver } from './discovery/etcd/etcd.resolver.js';
