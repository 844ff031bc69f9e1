import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { defer, lastValueFrom, of } from 'rxjs';
import { DEFAULT_CONTEXT_SETTINGS } from './context-settings.js';
import { createContextHook, registerContextHook } from './pre-request-hook.js';
import { RequestContext } from './request-context.js';

const host = {
  switchToRpc: () => ({ getContext: () => ({ getMetadata: () => ({ 'x-request-id': 'r-1' }) }) }),
} as unknown as ExecutionContext;
const next = () => defer(() => of(RequestContext.current()?.requestId));

describe('pre-request hook', () => {
  const hook = createContextHook(DEFAULT_CONTEXT_SETTINGS);

  it('opens the context of a message out of its metadata', async () => {
    expect(await lastValueFrom(hook(host, next))).toBe('r-1');
  });

  it('leaves the context alone that the server opened', async () => {
    const open = new RequestContext({ requestId: 'open' });
    expect(await RequestContext.run(open, () => lastValueFrom(hook(host, next)))).toBe('open');
  });

  it('is registered where Nest has such hooks', () => {
    const config = new ApplicationConfig();
    expect(registerContextHook(config, DEFAULT_CONTEXT_SETTINGS)).toBe(true);
    expect(config.getGlobalPreRequestHooks()).toHaveLength(1);
  });

  it('is left out on a Nest that has none', () => {
    const nest11 = Object.create(null) as ApplicationConfig;
    expect(registerContextHook(nest11, DEFAULT_CONTEXT_SETTINGS)).toBe(false);
  });
});
