import { Observable } from 'rxjs';
import type { Resolver, ResolverEmission, Target } from '../resolver.js';
import type { KubernetesOptions } from './cluster-access.js';
import { checkKubernetesOptions } from './kubernetes-options.js';
import { kubernetesTargetProblem, parseKubernetesTarget } from './kubernetes-target.js';
import { SliceWatch, type WatchTiming } from './slice-watch.js';

/**
 * The pods of a Kubernetes service, from its EndpointSlices: `k8s:///namespace/service:port`, or `k8s:///service:port` in the
 * pod's own namespace. The port is the name of one of the service's, or the number that the pods listen on. Nodes have the
 * pod's zone, and `pod` and `node` among their metadata; those that are terminating are draining.
 *
 * `?context=` chooses a context of the kubeconfig, `?family=6` the address of a pod that has both kinds (`4`, IPv4, by default).
 * In the cluster, the pod's service account needs `list` and `watch` on `endpointslices` of `discovery.k8s.io`.
 *
 * @throws InvalidOptionsError when an option is unknown or has a wrong value.
 *
 * @example
 * ```ts
 * LoadBalancerModule.forRoot({ services: { orders: 'k8s:///shop/orders:tcp' } })
 * // With a kubeconfig that neither the environment nor the pod names:
 * LoadBalancerModule.forRoot({ resolvers: [new KubernetesResolver({ kubeconfig: '/etc/lb/kubeconfig' })], services: { … } })
 * ```
 */
export class KubernetesResolver implements Resolver {
  readonly schemes = ['k8s'];

  constructor(
    private readonly options: KubernetesOptions = {},
    private readonly timing?: WatchTiming,
  ) {
    checkKubernetesOptions(options, 'KubernetesResolver');
  }

  validate(target: Target): string | undefined {
    return kubernetesTargetProblem(target);
  }

  watch(target: Target, refresh: Observable<void>): Observable<ResolverEmission> {
    return new Observable((subscriber) => {
      const wanted = parseKubernetesTarget(target);
      if (!wanted.ok) {
        subscriber.error(new Error(wanted.problem));
        return;
      }
      const watch = new SliceWatch(
        wanted.value,
        this.options,
        (emission) => subscriber.next(emission),
        this.timing,
      );
      subscriber.add(refresh.subscribe(() => watch.doubt()));
      void watch.run();
      return () => watch.end();
    });
  }
}
