import type { NodeStatus } from '../cluster/snapshot.js';

/** What happens inside one service, as `BalancedClientProxy#events` tells it. */
export type LoadBalancerEvent =
  /** A node became known. */
  | { readonly type: 'node-added'; readonly service: string; readonly node: string }
  /** A node is no longer in the set: it finishes what it has and is closed. */
  | { readonly type: 'node-removed'; readonly service: string; readonly node: string }
  /** A node's status changed. */
  | {
      readonly type: 'node-status';
      readonly service: string;
      readonly node: string;
      readonly from: NodeStatus;
      readonly to: NodeStatus;
      readonly reason: string;
    }
  /** A target gave a usable set of so many nodes. Only sent when something in it changed, or after a failure. */
  | { readonly type: 'resolved'; readonly service: string; readonly target: string; readonly nodes: number }
  /** A target failed or gave nothing usable; the last good set stays in place. Sent once for each new reason. */
  | {
      readonly type: 'resolve-failed';
      readonly service: string;
      readonly target: string;
      readonly reason: string;
    }
  /** Part of a target's set cannot be used, or is missing; the rest is in force. Sent once for each new warning. */
  | {
      readonly type: 'resolve-warning';
      readonly service: string;
      readonly target: string;
      readonly warning: string;
    }
  /** Too few nodes (of some priority) are healthy: health is ignored from now on (`active`), or no longer. */
  | {
      readonly type: 'panic';
      readonly service: string;
      readonly active: boolean;
      readonly healthy: number;
      readonly total: number;
    }
  /** A node was taken out for how its calls ended, or since its trial failed. `until`: when a call may try it (wall clock). */
  | {
      readonly type: 'ejected';
      readonly service: string;
      readonly node: string;
      readonly reason: string;
      readonly until: Date;
    }
  /** An ejected node has answered the call that tried it. */
  | { readonly type: 'returned'; readonly service: string; readonly node: string }
  /** The ejection policy of a `dryRun` would have taken the node out. */
  | {
      readonly type: 'would-eject';
      readonly service: string;
      readonly node: string;
      readonly reason: string;
    }
  /** The node that the policy of a `dryRun` would have taken out would be back. */
  | { readonly type: 'would-return'; readonly service: string; readonly node: string }
  /** An attempt failed on a node, whether or not the call was then answered by another. */
  | {
      readonly type: 'attempt-failed';
      readonly service: string;
      readonly node: string;
      readonly outcome: 'refused' | 'rejected' | 'lost' | 'timed-out';
      readonly reason: string;
    }
  /** A call is tried again after `delay` milliseconds; `retry` counts from 1. What was never processed is not counted. */
  | {
      readonly type: 'retry';
      readonly service: string;
      /** Where the last attempt failed. */
      readonly node: string;
      readonly retry: number;
      readonly delay: number;
    }
  /** A call is sent to a further node, since this one is silent. */
  | { readonly type: 'hedge'; readonly service: string; readonly node: string };
