/**
 * Kubernetes: `k8s:///namespace/service:port`. Needs the package `@kubernetes/client-node`. A target alone is enough to use it;
 * what is here is for options that are neither in the target nor in the environment.
 */
export type { KubernetesOptions } from './discovery/kubernetes/cluster-access.js';
export { KubernetesResolver } from './discovery/kubernetes/kubernetes.resolver.js';
