import { createParamDecorator } from '@nestjs/common';
import { RequestContext } from './request-context.js';

/**
 * The context of the request being served, as a handler's parameter. `undefined` where no context was opened.
 *
 * @example
 * ```ts
 * @MessagePattern('quote')
 * quote(@Payload() dto: QuoteDto, @ReqContext() context: RequestContext) {
 *   this.logger.log(`[${context.requestId}] ${context.remaining()} ms left`);
 * }
 * ```
 */
export const ReqContext: () => ParameterDecorator = createParamDecorator(() => RequestContext.current());
