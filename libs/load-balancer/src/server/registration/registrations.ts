import type { Logger } from '@nestjs/common';
import type { Registration } from '../../discovery/registrar.js';
import type { Target } from '../../discovery/resolver.js';
import { findAddress, isLoopback, parseAdvertise, type Listening } from './advertised-address.js';
import { RegistrationKeeper } from './registration-keeper.js';
import type { ResolvedRegister } from './registration-options.js';
import { addRegistration, removeRegistration } from './registration-state.js';

/** The label among a node's metadata that lists what its server can do beyond plain Nest. */
const FEATURES_LABEL = 'lb-features';

export interface RegistrationsSettings extends ResolvedRegister {
  readonly service: string;
  /** What the server understands beyond plain Nest; published as the label `lb-features`. */
  readonly features: readonly string[];
  readonly logger: Pick<Logger, 'log' | 'warn'>;
  /** Resolves once somebody can be served at this host; rejects when that takes too long. */
  readonly ready?: (host: string, signal: AbortSignal) => Promise<void>;
}

/** The registrations of one server: one in each registry. */
export class Registrations {
  private keepers: readonly RegistrationKeeper[] = [];
  private hasWarned = false;

  constructor(private readonly settings: RegistrationsSettings) {}

  /** Begins to register; nothing waits for it but readiness. Does nothing when it has begun. */
  start(listening: Listening): void {
    if (this.keepers.length > 0) return;
    const { sources, options, service, logger, ready } = this.settings;
    this.keepers = sources.map((source) => {
      const describe = async (signal: AbortSignal): Promise<Registration> => {
        const registration = await this.describe(listening, source.target);
        // One that was given may lead here by way of others, and need not lead from here.
        await ready?.(options.advertise === undefined ? registration.host : listening.address, signal);
        return registration;
      };
      return new RegistrationKeeper(service, source, {
        describe,
        logger,
        random: Math.random,
        now: () => performance.now(),
        wall: Date.now,
        schedule,
      });
    });
    for (const keeper of this.keepers) {
      addRegistration(keeper);
      keeper.start();
    }
  }

  /** Takes them all off; resolves within two seconds, and never rejects. They can be started again afterwards. */
  async stop(): Promise<void> {
    const { keepers } = this;
    this.keepers = [];
    await Promise.all(keepers.map((keeper) => keeper.stop()));
    keepers.forEach(removeRegistration);
  }

  private async describe(listening: Listening, target: Target): Promise<Registration> {
    const { service, features, options } = this.settings;
    const { advertise, weight, zone, priority, version } = options;
    const given = advertise === undefined ? undefined : parseAdvertise(advertise);
    const host = given?.ok ? given.value.host : await findAddress(listening, target);
    const port = (given?.ok ? given.value.port : undefined) ?? listening.port;
    if (given === undefined) this.warnOfLoopback(host, target);
    const metadata = {
      ...(features.length > 0 && { [FEATURES_LABEL]: features.join(',') }),
      ...options.metadata,
    };
    return {
      service,
      host,
      port,
      ...(weight !== undefined && { weight }),
      ...(zone !== undefined && { zone }),
      ...(priority !== undefined && { priority }),
      ...(version !== undefined && { version }),
      ...(Object.keys(metadata).length > 0 && { metadata }),
    };
  }

  private warnOfLoopback(host: string, { uri, authority }: Target): void {
    const registry = authority.slice(authority.lastIndexOf('@') + 1);
    if (
      this.hasWarned ||
      !isLoopback(host) ||
      registry === '' ||
      /^(?:127\.|localhost|\[::1\])/.test(registry)
    )
      return;
    this.hasWarned = true;
    this.settings.logger.warn(
      `${this.settings.service} is registered in ${uri} as ${host}, which only this machine reaches: listen on another "host", or set "advertise"`,
    );
  }
}

/** A provider lives by its server: that it wants to register is no reason for a process to go on. */
function schedule(callback: () => void, delay: number): () => void {
  const timer = setTimeout(callback, delay).unref();
  return () => clearTimeout(timer);
}
