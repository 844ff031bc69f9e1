/** What the request context takes from incoming requests and messages: they are untrusted. */
export interface ContextOptions {
  /**
   * Further keys to take in, lower case (`x-tenant`); none by default. Request id, trace, baggage, deadline and
   * authorization always are.
   */
  allow?: readonly string[];
  /** The header (and metadata key) of the request id, lower case; `x-request-id` by default. */
  requestIdHeader?: string;
  /** Longest value of one key in characters, 1–65 536; 8 192 by default. A longer one is left out. */
  maxValueLength?: number;
  /** Characters of all keys and values together, 1–1 048 576; 16 384 by default. Further keys are left out. */
  maxTotalLength?: number;
}

/**
 * Where `ContextModule` finds its `ContextOptions`; optional. The provider must be visible to it: of a global
 * module.
 */
export const LB_CONTEXT_OPTIONS = Symbol.for('nestjs-load-balancer.context-options');
