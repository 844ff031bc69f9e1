import {
  RegistrationRefusedError,
  type Registrar,
  type Registration,
  type RegistrationLease,
} from '../registrar.js';
import type { Target } from '../resolver.js';
import { consulConnection, type ConsulOptions } from './consul-connection.js';
import { ConsulError } from './consul-error.js';
import { Heartbeat, type Beat } from './consul-heartbeat.js';
import { checkConsulOptions } from './consul-options.js';
import { checkId, serviceDefinition, type ServiceDefinition } from './consul-registration.js';
import { askConsul, type ConsulAnswer, type ConsulRequestOptions } from './consul-request.js';
import {
  consulRegistrationProblem,
  parseConsulRegistrationTarget,
  type ConsulRegistrationTarget,
} from './consul-target.js';

/** Milliseconds for what the agent does by itself. */
const ANSWER_TIME = 3_000;
/**
 * Milliseconds that a registration still gets when it is given up: an agent that was told to deregister before it has registered
 * would keep what is gone. As much is left of the two seconds that a drain waits for a registry.
 */
const LAST_TIME = 1_000;

/**
 * Registers a provider with a Consul agent, which ought to be the one of its own machine:
 * `consul://127.0.0.1:8500/orders?tag=v2`. Without a path the service has the name that the provider gives it.
 *
 * The agent trusts it for `?ttl=` milliseconds (10 000 by default, 1 000–3 600 000) and hears of it three times as often, every five seconds at least; with
 * `?check=tcp` the agent connects to it every five seconds instead. An instance whose check fails is called no more, and
 * forgotten after a minute.
 *
 * Weight, zone, priority, version and metadata are published as `Meta`, of whose rules Consul makes sure: at most 64 entries,
 * names of letters, digits, `-` and `_`, at most 512 characters each.
 *
 * @throws InvalidOptionsError when an option is unknown or has a wrong value.
 */
export class ConsulRegistrar implements Registrar {
  readonly schemes = ['consul'];

  constructor(private readonly options: ConsulOptions = {}) {
    checkConsulOptions(options, 'ConsulRegistrar');
  }

  validate(target: Target): string | undefined {
    return consulRegistrationProblem(target);
  }

  async register(
    registration: Registration,
    target: Target,
    onLost: (reason: string) => void,
    signal: AbortSignal,
  ): Promise<RegistrationLease> {
    const wanted = parseConsulRegistrationTarget(target);
    if (!wanted.ok) throw new Error(wanted.problem);
    const definition = serviceDefinition(registration, wanted.value);
    const ask: Ask = async (options, ...rest) =>
      askConsul(await consulConnection(wanted.value, this.options), options, ...rest);

    signal.throwIfAborted();
    try {
      await ask({ timeout: ANSWER_TIME, signal: later(signal, LAST_TIME) }, (consul, request) =>
        consul.agent.service.register({ ...definition, ...request } as never),
      );
    } catch (error) {
      if (error instanceof ConsulError && error.refused) throw new RegistrationRefusedError(error.message);
      // It may have arrived all the same.
      if (signal.aborted) await deregister(ask, definition);
      throw error;
    }
    if (signal.aborted) {
      await deregister(ask, definition);
      signal.throwIfAborted();
    }
    const heartbeat = new Heartbeat(wanted.value.ttl, beatOf(wanted.value, definition, ask), onLost);
    return {
      deregister: () => {
        heartbeat.stop();
        return deregister(ask, definition);
      },
    };
  }
}

type Ask = (options: ConsulRequestOptions, ask: Parameters<typeof askConsul>[2]) => Promise<ConsulAnswer>;

/** Says that it is alive, or asks whether the agent still has it when the agent itself finds out the other. */
function beatOf({ check }: ConsulRegistrationTarget, definition: ServiceDefinition, ask: Ask) {
  return async (interval: number, signal: AbortSignal): Promise<Beat> => {
    const options = { timeout: Math.min(interval, ANSWER_TIME), signal };
    if (check === 'tcp') {
      const { body } = await ask(options, (consul, request) => consul.agent.service.list({ ...request }));
      return typeof body === 'object' && body !== null && Object.hasOwn(body, definition.id)
        ? 'alive'
        : 'forgotten';
    }
    try {
      await ask(options, (consul, request) =>
        consul.agent.check.pass({ id: checkId(definition), ...request }),
      );
      return 'alive';
    } catch (error) {
      if (isUnknown(error)) return 'forgotten';
      throw error;
    }
  };
}

/** Aborts as long after another signal does. */
function later(signal: AbortSignal, delay: number): AbortSignal {
  const controller = new AbortController();
  signal.addEventListener('abort', () => setTimeout(() => controller.abort(), delay).unref(), { once: true });
  return controller.signal;
}

async function deregister(ask: Ask, definition: ServiceDefinition): Promise<void> {
  try {
    await ask({ timeout: ANSWER_TIME }, (consul, request) =>
      consul.agent.service.deregister({ id: definition.id, ...request }),
    );
  } catch (error) {
    // Then it is off the registry, too.
    if (!isUnknown(error)) throw error;
  }
}

/** 404 since Consul 1.10; before, 500 with this text. */
function isUnknown(error: unknown): boolean {
  if (!(error instanceof ConsulError)) return false;
  return (
    error.status === 404 ||
    (error.status === 500 && /does not have associated TTL|unknown/i.test(error.message))
  );
}
