import { Inject, Injectable, Optional } from '@nestjs/common';
import type { NestMiddleware } from '@nestjs/common';
import { CONTEXT_SETTINGS, DEFAULT_CONTEXT_SETTINGS } from './context-settings.js';
import type { ContextSettings } from './context-settings.js';
import type { HttpRequestLike, HttpResponseLike } from './http-context.js';
import { openHttpContext } from './http-context.js';
import { RequestContext } from './request-context.js';

/**
 * Opens the context of an HTTP request before its guards run, on Express and Fastify. `ContextModule` registers
 * it for every route.
 */
@Injectable()
export class ContextMiddleware implements NestMiddleware<HttpRequestLike, HttpResponseLike> {
  constructor(
    @Optional()
    @Inject(CONTEXT_SETTINGS)
    private readonly settings: ContextSettings = DEFAULT_CONTEXT_SETTINGS,
  ) {}

  use(request: HttpRequestLike, response: HttpResponseLike, next: () => void): void {
    RequestContext.run(openHttpContext(request, response, this.settings), next);
  }
}
