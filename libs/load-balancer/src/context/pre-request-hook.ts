import type { ExecutionContext, PreRequestHook } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { offerSettings } from './adoptable-settings.js';
import type { ContextSettings } from './context-settings.js';
import { RequestContext } from './request-context.js';
import { openRpcContext } from './rpc-context.js';
import { withinContext } from './within-context.js';

/** A hook that opens the context of an RPC message before its guards run, unless its server already did. */
export function createContextHook(settings: ContextSettings): PreRequestHook {
  return (host: ExecutionContext, next) => {
    const rpcContext: unknown = host.switchToRpc().getContext();
    if (!RequestContext.current()) return withinContext(openRpcContext(rpcContext, settings), next);
    offerSettings(rpcContext, settings);
    return next();
  };
}

/**
 * Registers the hook for every message handler of the application, on Nest 12 and newer.
 *
 * @returns whether this version of Nest has such hooks; without them, guards see a context only behind
 * `BalancedTcpServer`
 */
export function registerContextHook(config: ApplicationConfig, settings: ContextSettings): boolean {
  const { registerPreRequestHook } = config as Partial<Pick<ApplicationConfig, 'registerPreRequestHook'>>;
  registerPreRequestHook?.call(config, createContextHook(settings));
  return registerPreRequestHook !== undefined;
}
