import type { IncomingHttpHeaders } from 'node:http';
import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import { describeValue } from '../safe-text.js';

/** What both Express and Fastify give of a request; cast it to your platform's type for more. */
export interface HealthRequest {
  readonly headers: IncomingHttpHeaders;
  /** The peer's address, or the client's when the platform trusts its proxy. */
  readonly ip?: string | undefined;
}

/** Options of `LoadBalancerHealthModule.forRoot()`. */
export interface LoadBalancerHealthOptions {
  /** Where the routes start: `health` (the default) gives `/health`, `/health/live` and `/health/ready`. */
  path?: string;
  /**
   * Who sees service names, node addresses and reasons: everybody who can reach the route (`'always'`, the default),
   * nobody (`'never'`), or the requests that a function lets through. The others get the overall status and the HTTP
   * status code, which is all that an orchestrator needs. A function that throws counts as no.
   *
   * @example
   * ```ts
   * LoadBalancerHealthModule.forRoot({ details: (request) => request.headers['x-ops-token'] === process.env.OPS_TOKEN })
   * ```
   */
  details?: 'always' | 'never' | ((request: HealthRequest) => boolean | Promise<boolean>);
  /**
   * Class decorators for the controller: what takes it out of a global guard, or puts one of its own before it.
   *
   * @example
   * ```ts
   * LoadBalancerHealthModule.forRoot({ decorators: [Public(), UseGuards(OpsGuard), ApiExcludeController()] })
   * ```
   */
  decorators?: readonly ClassDecorator[];
}

/** The options, validated and with every default filled in. */
export type ResolvedHealthOptions = Readonly<Required<LoadBalancerHealthOptions>>;

const KNOWN = ['path', 'details', 'decorators'];

/** @throws InvalidOptionsError when an option is unknown or has a wrong value; every problem is listed. */
export function resolveHealthOptions(options: LoadBalancerHealthOptions): ResolvedHealthOptions {
  const { path = 'health', details = 'always', decorators = [] } = options;
  const problems: OptionsProblem[] = Object.keys(options)
    .filter((key) => !KNOWN.includes(key))
    .map((key) => ({ path: `health.${key}`, message: `unknown option; there are ${KNOWN.join(', ')}` }));
  const expect = (holds: boolean, key: string, expected: string, value: unknown): void => {
    if (!holds)
      problems.push({ path: `health.${key}`, message: `expected ${expected}, got ${describeValue(value)}` });
  };
  expect(typeof path === 'string', 'path', 'a route path', path);
  expect(
    details === 'always' || details === 'never' || typeof details === 'function',
    'details',
    "'always', 'never' or a function",
    details,
  );
  expect(
    Array.isArray(decorators) && decorators.every((decorator) => typeof decorator === 'function'),
    'decorators',
    'an array of class decorators',
    decorators,
  );
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return { path, details, decorators };
}
