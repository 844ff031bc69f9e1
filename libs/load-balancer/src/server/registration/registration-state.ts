import type { RegistrationSnapshot } from './registration-keeper.js';

/** What a process must know of a registration. */
interface Registered {
  snapshot(): RegistrationSnapshot;
}

/** One state for the process, as that of the drain: with two copies of this package, both see the same. */
const STATE_KEY = Symbol.for('nestjs-load-balancer.registrations');
const shared = globalThis as unknown as Record<typeof STATE_KEY, Set<Registered> | undefined>;
const registrations = (shared[STATE_KEY] ??= new Set());

export function addRegistration(registration: Registered): void {
  registrations.add(registration);
}

export function removeRegistration(registration: Registered): void {
  registrations.delete(registration);
}

/** Every registration of this process. */
export function registrationSnapshots(): RegistrationSnapshot[] {
  return [...registrations].map((registration) => registration.snapshot());
}
