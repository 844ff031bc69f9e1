import type { Endpoint } from '../cluster/endpoint.js';
import type { Target } from './resolver.js';

/** What a provider tells a registry of itself. */
export interface Registration extends Endpoint {
  /** The service that it is an instance of. */
  readonly service: string;
  /** Shown to consumers as the `version` among its metadata. */
  readonly version?: string;
}

/** One successful registration, for as long as the registry keeps it. */
export interface RegistrationLease {
  /**
   * Takes it off the registry. Rejects when that fails; what keeps it alive has ended in any case, so that the registry
   * forgets it by itself.
   */
  deregister(): Promise<void>;
}

/**
 * The registry refuses, and will until somebody puts that right: a wrong password, a missing permission. A registration that
 * fails with it is tried again more rarely than one that fails with any other error.
 */
export class RegistrationRefusedError extends Error {
  override readonly name = 'RegistrationRefusedError';
  /** Told by this, and not by the class, of which a process may have several copies. */
  readonly refused = true;
}

/** Is it a `RegistrationRefusedError`? */
export function isRefusal(error: unknown): boolean {
  return (error as Partial<RegistrationRefusedError> | null | undefined)?.refused === true;
}

/** Puts a provider into a kind of registry. Trying again, and when, is the caller's affair. */
export interface Registrar {
  /** The URI schemes it answers for, without `://`. */
  readonly schemes: readonly string[];
  /** Refuses a target that can never work: returns what is wrong with it. */
  validate?(target: Target): string | undefined;
  /**
   * Registers once and keeps that alive. Rejects when the registry cannot be reached within a few seconds, and with a
   * {@link RegistrationRefusedError} when it refuses.
   *
   * @param onLost called once, if the registry loses the registration or stops hearing of it: it must be made anew then
   * @param signal gives the attempt up
   */
  register(
    registration: Registration,
    target: Target,
    onLost: (reason: string) => void,
    signal: AbortSignal,
  ): Promise<RegistrationLease>;
}
