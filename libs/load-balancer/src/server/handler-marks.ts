import { InvalidOptionsError } from '../errors.js';
import { describeValue } from '../safe-text.js';

/** What a handler's author says of it. */
export interface HandlerMarks {
  readonly idempotent?: boolean;
  readonly cost?: number;
}

/** Where Nest keeps a handler's extras until it hands them to `addHandler()`; it does not export the name. */
const PATTERN_EXTRAS = 'microservices:pattern_extras';
/** Ours among those extras, which other transports read, too. */
const MARKS = 'nestjs-load-balancer';

/** A limit has no use for more: whoever asks for that much is alone anyway. */
const HIGHEST_COST = 1_000_000;

/**
 * Marks a message handler that may run twice for one call with no harm done: it only reads, or notices what it has done
 * before. Clients of this library learn of it from `BalancedTcpServer` and then retry its calls when an answer is lost.
 *
 * @example
 * ```ts
 * @Idempotent()
 * @MessagePattern({ cmd: 'quote' })
 * quote(@Payload() dto: QuoteDto) { … }
 * ```
 */
export function Idempotent(): MethodDecorator {
  return mark({ idempotent: true });
}

/**
 * Says that a call of this message handler takes as much of the server as `cost` ordinary ones; 1 by default. It counts as
 * so many in `limits` of `BalancedTcpServer`, and in the load that the server reports.
 *
 * @param cost a whole number from 1 to 1 000 000
 * @throws InvalidOptionsError when it is none.
 *
 * @example
 * ```ts
 * @Cost(20)
 * @MessagePattern({ cmd: 'report' })
 * report(@Payload() dto: ReportDto) { … }
 * ```
 */
export function Cost(cost: number): MethodDecorator {
  if (!Number.isSafeInteger(cost) || cost < 1 || cost > HIGHEST_COST) {
    const message = `expected an integer from 1 to ${HIGHEST_COST}, got ${describeValue(cost)}`;
    throw new InvalidOptionsError([{ path: '@Cost()', message }]);
  }
  return mark({ cost });
}

/** What stands in the extras of a handler. */
export function marksOf(extras: object | undefined): HandlerMarks {
  const marks = (extras as Record<string, unknown> | undefined)?.[MARKS];
  return typeof marks === 'object' && marks !== null ? marks : {};
}

/** As `@MessagePattern()` does with its own extras, so that it does not matter which of the two comes first. */
function mark(marks: HandlerMarks): MethodDecorator {
  return (_target, _name, descriptor) => {
    const method = descriptor.value as object;
    const extras = (Reflect.getMetadata(PATTERN_EXTRAS, method) ?? {}) as object;
    Reflect.defineMetadata(PATTERN_EXTRAS, { ...extras, [MARKS]: { ...marksOf(extras), ...marks } }, method);
  };
}
