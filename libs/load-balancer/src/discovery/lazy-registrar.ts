import { missingPackageProblem } from './installed-package.cjs';
import type { Registrar, Registration, RegistrationLease } from './registrar.js';
import type { Target } from './resolver.js';

/** What is known of a registrar before its code and its optional peer dependency are loaded. */
export interface LazyRegistrarSettings {
  readonly schemes: readonly string[];
  /** The optional peer dependency that it needs. */
  readonly needs: string;
  /** Refuses a target that can never work. */
  readonly validate: (target: Target) => string | undefined;
  readonly load: () => Promise<Registrar>;
}

/** A registrar whose code is loaded with the first registration, as with `LazyResolver`. */
export class LazyRegistrar implements Registrar {
  readonly schemes: readonly string[];

  constructor(private readonly settings: LazyRegistrarSettings) {
    this.schemes = settings.schemes;
  }

  validate(target: Target): string | undefined {
    const { needs, validate } = this.settings;
    return missingPackageProblem(`${target.scheme}://`, needs) ?? validate(target);
  }

  async register(
    registration: Registration,
    target: Target,
    onLost: (reason: string) => void,
    signal: AbortSignal,
  ): Promise<RegistrationLease> {
    const registrar = await this.settings.load();
    signal.throwIfAborted();
    return registrar.register(registration, target, onLost, signal);
  }
}
