import { Inject, Injectable, Optional } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { CONTEXT_SETTINGS, DEFAULT_CONTEXT_SETTINGS } from './context-settings.js';
import { offerSettings } from './adoptable-settings.js';
import type { ContextSettings } from './context-settings.js';
import { decodeMetadata } from './metadata-codec.js';
import type { HttpRequestLike, HttpResponseLike } from './http-context.js';
import { openHttpContext } from './http-context.js';
import { RequestContext } from './request-context.js';
import { openRpcContext } from './rpc-context.js';
import { withinContext } from './within-context.js';

/**
 * Opens a context where nothing did before the guards: RPC messages of a stock server on Nest 11, WebSocket
 * messages, routes that the middleware does not see. `ContextModule` registers it for the whole application.
 */
@Injectable()
export class ContextInterceptor implements NestInterceptor {
  constructor(
    @Optional()
    @Inject(CONTEXT_SETTINGS)
    private readonly settings: ContextSettings = DEFAULT_CONTEXT_SETTINGS,
  ) {}

  intercept(host: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const current = RequestContext.current();
    const context = this.contextFor(host, current);
    return context === current ? next.handle() : withinContext(context, () => next.handle());
  }

  private contextFor(host: ExecutionContext, current: RequestContext | undefined): RequestContext {
    switch (host.getType<string>()) {
      case 'http': {
        // By the request and not by what is current, which other middleware may have lost.
        const http = host.switchToHttp();
        return openHttpContext(
          http.getRequest<HttpRequestLike>(),
          http.getResponse<HttpResponseLike>(),
          this.settings,
        );
      }
      case 'rpc':
        if (!current) return openRpcContext(host.switchToRpc().getContext(), this.settings);
        offerSettings(host.switchToRpc().getContext(), this.settings);
        return current;
      case 'ws':
        // Each message is a request of its own; what is current is at best that of the handshake.
        return decodeMetadata(undefined, this.settings);
      default:
        // GraphQL and the like run within an HTTP request, for each of its fields, or over a socket of their
        // own.
        return current ?? decodeMetadata(undefined, this.settings);
    }
  }
}
