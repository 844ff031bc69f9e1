import type { OptionsProblem } from '../errors.js';
import { InvalidOptionsError } from '../errors.js';
import { describeValue } from '../safe-text.js';
import {
  AUTHORIZATION,
  BAGGAGE,
  isHeaderName,
  isReservedKey,
  RETRY,
  TIMEOUT,
  TRACEPARENT,
  TRACESTATE,
} from './context-keys.js';
import type { ContextOptions } from './context-options.js';

/** `ContextOptions`, validated and with every default filled in. */
export interface ContextSettings {
  readonly requestIdHeader: string;
  readonly maxValueLength: number;
  readonly maxTotalLength: number;
  /**
   * Every name that is taken in, the most important first: they are the last ones to be left out for their
   * size.
   */
  readonly keys: ReadonlySet<string>;
  /** The longest of those names: a longer one need not be looked at. */
  readonly maxKeyLength: number;
}

/** The header that Heroku, Envoy, nginx's and most others' request ids travel in. */
const DEFAULT_REQUEST_ID_HEADER = 'x-request-id';
/** W3C Baggage asks for 8 192 bytes to be propagated: the longest value that a standard demands. */
const DEFAULT_MAX_VALUE_LENGTH = 8_192;
/** What Node lets through as HTTP headers altogether (`--max-http-header-size`). */
const DEFAULT_MAX_TOTAL_LENGTH = 16_384;

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  'allow',
  'requestIdHeader',
  'maxValueLength',
  'maxTotalLength',
] satisfies (keyof ContextOptions)[]);

/**
 * Everything that is wrong with the options, each with its path below `path`.
 */
export function contextOptionsProblems(options: unknown, path: string): OptionsProblem[] {
  if (options === undefined) return [];
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return [{ path, message: `expected an object, got ${describeValue(options)}` }];
  }
  const { allow, requestIdHeader, maxValueLength, maxTotalLength } = options as Record<
    keyof ContextOptions,
    unknown
  >;
  return [
    ...Object.keys(options)
      .filter((key) => !KNOWN_OPTIONS.has(key))
      .map((key) => ({
        path: `${path}.${key}`,
        message: `unknown option; known are ${[...KNOWN_OPTIONS].join(', ')}`,
      })),
    ...allowProblems(allow, requestIdHeader ?? DEFAULT_REQUEST_ID_HEADER, `${path}.allow`),
    ...(requestIdHeader === undefined ? [] : keyProblems(requestIdHeader, `${path}.requestIdHeader`)),
    ...lengthProblems(maxValueLength, 65_536, `${path}.maxValueLength`),
    ...lengthProblems(maxTotalLength, 1_048_576, `${path}.maxTotalLength`),
  ];
}

/**
 * Fills in the defaults.
 *
 * @throws InvalidOptionsError with every problem, its paths starting at `path`.
 */
export function contextSettings(options: ContextOptions | undefined, path = 'context'): ContextSettings {
  const problems = contextOptionsProblems(options, path);
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  const requestIdHeader = options?.requestIdHeader ?? DEFAULT_REQUEST_ID_HEADER;
  const keys = [
    requestIdHeader,
    TIMEOUT,
    RETRY,
    TRACEPARENT,
    TRACESTATE,
    AUTHORIZATION,
    BAGGAGE,
    ...(options?.allow ?? []),
  ];
  return {
    requestIdHeader,
    maxValueLength: options?.maxValueLength ?? DEFAULT_MAX_VALUE_LENGTH,
    maxTotalLength: options?.maxTotalLength ?? DEFAULT_MAX_TOTAL_LENGTH,
    keys: new Set(keys),
    maxKeyLength: Math.max(...keys.map((key) => key.length)),
  };
}

/** Where the parts of `ContextModule` find the settings. */
export const CONTEXT_SETTINGS = Symbol.for('nestjs-load-balancer.context-settings');

/** What holds where no options are given. */
export const DEFAULT_CONTEXT_SETTINGS: ContextSettings = contextSettings(undefined);

function allowProblems(allow: unknown, requestIdHeader: unknown, path: string): OptionsProblem[] {
  if (allow === undefined) return [];
  if (!Array.isArray(allow))
    return [{ path, message: `expected a list of keys, got ${describeValue(allow)}` }];
  return allow.flatMap((key: unknown, index) =>
    key === requestIdHeader
      ? [
          {
            path: `${path}[${index}]`,
            message: `${describeValue(key)} is the request id, which is always taken in`,
          },
        ]
      : keyProblems(key, `${path}[${index}]`),
  );
}

function keyProblems(key: unknown, path: string): OptionsProblem[] {
  if (typeof key !== 'string' || !isHeaderName(key)) {
    return [
      {
        path,
        message: `expected the name of a header in lower case, such as 'x-tenant', got ${describeValue(key)}`,
      },
    ];
  }
  return isReservedKey(key)
    ? [{ path, message: `${describeValue(key)} is handled by the context itself` }]
    : [];
}

function lengthProblems(value: unknown, max: number, path: string): OptionsProblem[] {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max))
    return [];
  return [{ path, message: `expected an integer from 1 to ${max}, got ${describeValue(value)}` }];
}
