import type { Server as NestServer, TransportId } from '@nestjs/microservices';
import { TcpContext } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { isObservable } from 'rxjs';
import type { ContextSettings } from '../context/context-settings.js';
import { deadlines } from '../context/deadlines.js';
import { decodeMetadata } from '../context/metadata-codec.js';
import { RequestContext } from '../context/request-context.js';
import { EventSink } from './event-sink.js';
import type { ReplyWriter } from './reply-writer.js';
import type { MessageOwner, ServedMessage } from './served-message.js';
import { StreamReply } from './stream-reply.js';
import type { Workload } from './workload.js';

type TcpContextArgs = ConstructorParameters<typeof TcpContext>[0];
export type StartHook = Parameters<NestServer['setOnProcessingStartHook']>[0];
export type EndHook = Parameters<NestServer['setOnProcessingEndHook']>[0];

/** What a user has set on the server. */
export interface ProcessingHooks {
  start?: StartHook;
  end?: EndHook;
}

/**
 * Runs the handler of a message that was admitted, within the message's context and between the user's hooks, and follows
 * what it returns until the work for the message is over.
 */
export class MessageRunner implements MessageOwner {
  constructor(
    private readonly settings: ContextSettings,
    private readonly workload: Workload,
    private readonly replies: ReplyWriter,
    private readonly hooks: ProcessingHooks,
    private readonly transport: { readonly transportId: TransportId },
  ) {}

  /**
   * @param arrivedAt when it was read, in monotonic milliseconds
   * @param deadline on the same clock, `Infinity` for none
   */
  run(message: ServedMessage, arrivedAt: number, deadline: number): Promise<void> {
    message.among = this.workload.start(message.cost);
    if (deadline !== Infinity) deadlines.arm(message, deadline, message.startedAt);
    const { packet, connection } = message;
    const context = decodeMetadata(packet.metadata, this.settings, connection.peer, message, arrivedAt);
    message.context = context;
    return RequestContext.run(context, () => {
      const tcpContext = tcpContextOf(message, this.settings);
      const { start } = this.hooks;
      return start ? this.workBehind(start, message, tcpContext) : this.work(message, tcpContext);
    });
  }

  onMessageEnd(message: ServedMessage, now: number): void {
    const { connection, context, hookContext } = message;
    connection.remove(message, now);
    this.workload.end(message, now);
    const { end } = this.hooks;
    if (!end || !context || !hookContext) return;
    RequestContext.run(context, () => {
      end(this.transport.transportId, hookContext);
    });
  }

  private async workBehind(hook: StartHook, message: ServedMessage, tcpContext: TcpContext): Promise<void> {
    try {
      // Typed as void, but what it returns may be the promise through which failures come.
      const run = hook as (...args: Parameters<StartHook>) => unknown;
      await run(this.transport.transportId, tcpContext, () => this.work(message, tcpContext));
    } catch (error) {
      message.failed = true;
      message.end();
      throw error;
    }
  }

  private async work(message: ServedMessage, tcpContext: TcpContext): Promise<void> {
    // Cancelled while the user's hook made it wait.
    if (message.isOver) return;
    message.hookContext = tcpContext;
    try {
      const result = (await message.handler(message.packet.data, tcpContext)) as unknown;
      if (isObservable(result)) this.follow(message, result);
      else if (message.isEvent) message.end();
      // What Nest makes of a plain value, without an Observable and its queue on the way.
      else this.replies.last(message, { response: result });
    } catch (error) {
      message.failed = true;
      message.end();
      throw error;
    }
  }

  private follow(message: ServedMessage, result: Observable<unknown>): void {
    if (message.isOver) {
      // Nobody waits for it any more, and with interceptors the handler itself would begin only now.
      message.end();
      return;
    }
    const sink = message.isEvent ? new EventSink(message) : new StreamReply(message, this.replies);
    message.follow(result.subscribe(sink));
  }
}

/** What Nest hands to handlers beside the data. */
export function tcpContextOf(
  { connection, packet, pattern }: Pick<ServedMessage, 'connection' | 'packet' | 'pattern'>,
  settings?: ContextSettings,
): TcpContext {
  return new BalancedTcpContext([connection.socket, pattern, packet.metadata] as TcpContextArgs, settings);
}

/** On Nest 11, `TcpContext` does not tell its metadata. `contextSettings`: see `offerSettings()`. */
class BalancedTcpContext extends TcpContext {
  constructor(
    args: TcpContextArgs,
    readonly contextSettings: ContextSettings | undefined,
  ) {
    super(args);
  }

  override getMetadata(): TcpContextArgs[2] {
    return this.args[2];
  }
}
