import type { ContextSettings } from './context-settings.js';
import { DEFAULT_CONTEXT_SETTINGS } from './context-settings.js';

/**
 * The settings of a server that was given none: those of the `LoadBalancerModule` in its application, as soon as that is
 * known. Nest makes the server and the module without telling either of the other; the first message brings them together,
 * before anything is asked of its context (on Nest 12; on Nest 11 after its guards).
 */
export class AdoptableSettings implements ContextSettings {
  private current: ContextSettings = DEFAULT_CONTEXT_SETTINGS;

  get requestIdHeader(): string {
    return this.current.requestIdHeader;
  }

  get maxValueLength(): number {
    return this.current.maxValueLength;
  }

  get maxTotalLength(): number {
    return this.current.maxTotalLength;
  }

  get keys(): ReadonlySet<string> {
    return this.current.keys;
  }

  get maxKeyLength(): number {
    return this.current.maxKeyLength;
  }

  adopt(settings: ContextSettings): void {
    this.current = settings;
  }
}

/** An RPC context whose server has no settings of its own. */
interface Adopting {
  readonly contextSettings: AdoptableSettings;
}

/** Hands the module's settings to the server that a message came by, if that is one that wants them. */
export function offerSettings(rpcContext: unknown, settings: ContextSettings): void {
  if (typeof rpcContext !== 'object' || rpcContext === null) return;
  const { contextSettings } = rpcContext as Partial<Adopting>;
  if (contextSettings instanceof AdoptableSettings) contextSettings.adopt(settings);
}
