import { DryEjection } from '../cluster/ejection/dry-ejection.js';
import type { DryRunSnapshot } from '../cluster/snapshot.js';
import type { ResolvedServiceOptions, ResolvedStrategy } from '../module/options.js';
import { DryRun } from '../strategies/dry-run.js';
import type { Strategy } from '../strategies/strategy.js';
import type { LoadBalancerEvent } from '../telemetry/events.js';
import type { UpstreamNode } from './upstream-node.js';

export interface ServiceDryRunDeps {
  readonly make: (setting: ResolvedStrategy) => Strategy<UpstreamNode>;
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly emit: (event: LoadBalancerEvent) => void;
}

/** What of a service only looks on. */
export class ServiceDryRun {
  /** The strategy that acts, with the other one beside it if there is one. */
  readonly strategy: Strategy<UpstreamNode>;
  readonly ejection: DryEjection<UpstreamNode> | undefined;
  private readonly comparison: DryRun<UpstreamNode> | undefined;

  constructor(
    private readonly options: Pick<ResolvedServiceOptions, 'name' | 'dryRun'>,
    acting: Strategy<UpstreamNode>,
    { make, now, emit }: ServiceDryRunDeps,
  ) {
    const { name: service, dryRun } = options;
    this.comparison = dryRun.strategy && new DryRun(acting, make(dryRun.strategy));
    this.strategy = this.comparison ?? acting;
    this.ejection =
      dryRun.outlierDetection &&
      new DryEjection(dryRun.outlierDetection, now, {
        onWouldEject: ({ key: node }, reason) => emit({ type: 'would-eject', service, node, reason }),
        onWouldReturn: ({ key: node }) => emit({ type: 'would-return', service, node }),
      });
  }

  snapshot(): DryRunSnapshot | undefined {
    const { comparison, ejection, options } = this;
    if (comparison === undefined && ejection === undefined) return undefined;
    const strategy = comparison && { name: options.dryRun.strategy?.name ?? '', ...comparison.counts };
    return { strategy, outlierDetection: ejection?.report };
  }
}
