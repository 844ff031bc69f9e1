import { Inject, Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { APP_INTERCEPTOR, ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { LB_CONTEXT_OPTIONS } from './context-options.js';
import type { ContextOptions } from './context-options.js';
import { CONTEXT_SETTINGS, contextSettings } from './context-settings.js';
import type { ContextSettings } from './context-settings.js';
import { ContextInterceptor } from './context.interceptor.js';
import { ContextMiddleware } from './context.middleware.js';
import type { HttpRequestLike, HttpResponseLike } from './http-context.js';
import { registerContextHook } from './pre-request-hook.js';

/**
 * Opens a `RequestContext` for every HTTP request and every RPC message, as early as the installed Nest allows.
 * Takes its `ContextOptions` from `LB_CONTEXT_OPTIONS` when something provides them.
 *
 * A hybrid application must connect its microservices with `inheritAppConfig: true`, as for any of Nest's
 * global enhancers, or use `BalancedTcpServer`.
 */
@Module({
  providers: [
    {
      provide: CONTEXT_SETTINGS,
      useFactory: (options?: ContextOptions) => contextSettings(options),
      inject: [{ token: LB_CONTEXT_OPTIONS, optional: true }],
    },
    ContextMiddleware,
    { provide: APP_INTERCEPTOR, useClass: ContextInterceptor },
  ],
  exports: [CONTEXT_SETTINGS],
})
export class ContextModule implements NestModule {
  constructor(
    // Tokens are named, since bundlers that drop types would lose them.
    @Inject(CONTEXT_SETTINGS) settings: ContextSettings,
    @Inject(ApplicationConfig) config: ApplicationConfig,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Inject(ContextMiddleware) private readonly middleware: ContextMiddleware,
  ) {
    registerContextHook(config, settings);
  }

  /**
   * Nest calls this for HTTP applications, once the body parsers stand and before any module's middleware is
   * mounted. Given to the adapter and not to the consumer, it comes first whatever the order of modules, and
   * knows no routes to miss.
   */
  configure(): void {
    this.adapterHost.httpAdapter.use(
      (request: HttpRequestLike, response: HttpResponseLike, next: () => void) =>
        this.middleware.use(request, response, next),
    );
  }
}
