import type { MessageHandler } from '@nestjs/microservices';
import { didYouMean } from '../nearest.js';
import { describeValue } from '../safe-text.js';
import type { Priority } from './balanced-tcp-server-options.js';
import { marksOf } from './handler-marks.js';

/** What is to be known of a handler before a message is handed to it. */
export interface HandlerTraits {
  /** As how many ordinary messages one of its counts. */
  readonly cost: number;
  readonly priority: Priority;
}

/** The traits of each handler. */
export class HandlerTraitsRegistry {
  private readonly known = new WeakMap<MessageHandler, HandlerTraits>();

  /** @param priorities by route */
  constructor(private readonly priorities: ReadonlyMap<string, Priority>) {}

  /** `undefined` before its first message. */
  get(handler: MessageHandler): HandlerTraits | undefined {
    return this.known.get(handler);
  }

  learn(handler: MessageHandler, route: string): HandlerTraits {
    const { cost = 1 } = marksOf(handler.extras);
    const traits = { cost, priority: this.priorities.get(route) ?? 0 };
    this.known.set(handler, traits);
    return traits;
  }

  /** What is said of patterns that nobody handles: most likely they are mistyped. */
  doubts(routes: Iterable<string>): string[] {
    const handled = [...routes];
    return [...this.priorities.keys()]
      .filter((route) => !handled.includes(route))
      .map(
        (route) =>
          `BalancedTcpServer.limits.priorities: no handler has the pattern ${describeValue(route)}${didYouMean(route, handled)}`,
      );
  }
}
