import type { PickExplanation } from '../cluster/pick-explanation.js';
import type { PickContext } from '../strategies/strategy.js';
import { oneLine } from '../safe-text.js';
import type { CallPolicy } from './call-settings.js';
import { asHashKey } from './hash-key.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { UpstreamNode } from './upstream-node.js';
import type { Upstream } from './upstream.js';

const LONGEST_PATTERN = 200;

/**
 * Explains the pick for a call as it would be made now. It changes nothing: picks go on as if it had not been called. O(n log
 * n).
 *
 * @param tried the nodes that the call need not be tried on again
 */
export function explainCall(
  upstream: Upstream,
  request: OutgoingRequest,
  policy: CallPolicy,
  tried?: ReadonlySet<UpstreamNode>,
): PickExplanation {
  const { rules, cluster, strategies } = upstream;
  const { pattern, data, options, context } = request;
  const now = upstream.now();
  const hashKey = asHashKey(options.hashKey) ?? policy.hashKeyOf(data, context);
  const call: PickContext<UpstreamNode> = { pattern, tried, hashKey, now };
  const from = options.strategy !== undefined ? 'call' : policy.strategy ? 'pattern' : 'service';
  const left = context?.deadline === undefined ? Infinity : Math.max(0, context.deadline - now);
  return {
    service: upstream.options.name,
    pattern: oneLine(rules.textOf(pattern), LONGEST_PATTERN),
    at: new Date().toISOString(),
    known: upstream.known,
    strategy: { name: strategies.nameOf(policy.strategy), from },
    hasHashKey: hashKey !== undefined,
    ...cluster.explain(call, rules.nodeLimit, policy.strategy),
    settings: {
      timeout: policy.timeout === 0 && left === Infinity ? 0 : Math.min(policy.timeout || Infinity, left),
      maxAttempts: policy.retry.maxAttempts,
      hedged: policy.hedge !== undefined,
      idempotent: policy.idempotent,
      waitForReady: options.waitForReady ?? upstream.options.waitForReady,
    },
  };
}
