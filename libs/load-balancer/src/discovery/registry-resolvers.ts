import { consulTargetProblem } from './consul/consul-target.js';
import { etcdResolverProblem } from './etcd/etcd-target.js';
import { kubernetesTargetProblem } from './kubernetes/kubernetes-target.js';
import { LazyResolver } from './lazy-resolver.js';

/** Resolvers that need an optional package: it is loaded with the first target that asks for one of them. */
export const registryResolvers: readonly LazyResolver[] = [
  new LazyResolver({
    schemes: ['etcd'],
    needs: 'etcd3',
    validate: etcdResolverProblem,
    load: async () => new (await import('./etcd/etcd.resolver.js')).EtcdResolver(),
  }),
  new LazyResolver({
    schemes: ['consul'],
    needs: 'consul',
    validate: consulTargetProblem,
    load: async () => new (await import('./consul/consul.resolver.js')).ConsulResolver(),
  }),
  new LazyResolver({
    schemes: ['k8s'],
    needs: '@kubernetes/client-node',
    validate: kubernetesTargetProblem,
    load: async () => new (await import('./kubernetes/kubernetes.resolver.js')).KubernetesResolver(),
  }),
];
