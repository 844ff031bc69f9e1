import {
  Inject,
  Injectable,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { Registrar } from '../../discovery/registrar.js';
import type { OptionsProblem } from '../../errors.js';
import { InvalidOptionsError } from '../../errors.js';
import { anything, isObject, number, section, type Report } from '../../module/validation/schema.js';
import { hostName, serviceName } from '../balanced-tcp-server-options.js';
import { portAccepts } from './port-accepts.js';
import { checkRegister, registrars, resolveRegister, type Register } from './registration-options.js';
import { Registrations } from './registrations.js';

/** Options of `RegistrationModule.forRoot()`. */
export interface RegistrationModuleOptions {
  /** The name of the service: 1–253 visible characters. */
  service: string;
  /** The port that the server listens on. */
  port: number;
  /** The address that it listens on; by default all of them, and then it must. */
  host?: string;
  /** Where to register: `etcd://10.0.0.9:2379/orders`, several of these, or an object with weight, zone, version and more. */
  register: Register;
  /** Registrars for schemes of your own, or for built-in ones with credentials. */
  registrars?: Registrar[];
}

const REGISTRATIONS = Symbol('nestjs-load-balancer.registrations');
const OPTIONS = Symbol('nestjs-load-balancer.registration.options');

/** Registers with the life of the application. */
@Injectable()
class RegistrationHooks implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  private stopped: Promise<void> | undefined;

  constructor(
    @Inject(REGISTRATIONS) private readonly registrations: Registrations,
    @Inject(OPTIONS) private readonly options: RegistrationModuleOptions,
  ) {}

  /** The server is about to listen: each try waits until it does. */
  onApplicationBootstrap(): void {
    const { host = '0.0.0.0', port } = this.options;
    this.registrations.start({ address: host, port });
  }

  /** The first hook of a shutdown. */
  onModuleDestroy(): void {
    this.stopped ??= this.registrations.stop();
  }

  /** The last one before Nest closes what listens. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.stopped;
  }
}

/**
 * Registers a provider that does not run `BalancedTcpServer`: Nest's own TCP server, a hybrid application, or one with a server of
 * its own. It is registered once its port accepts connections, kept registered, and taken off before Nest closes what listens
 * (for SIGTERM, enable Nest's shutdown hooks). One for each server.
 *
 * Only `app.close()` of a standalone microservice closes the server first: there, `BalancedTcpServer({ register })` is better.
 *
 * @example
 * ```ts
 * @Module({ imports: [RegistrationModule.forRoot({ service: 'orders', port: 4001, register: 'etcd://10.0.0.9:2379/orders' })] })
 * class AppModule {}
 * ```
 */
@Module({})
export class RegistrationModule {
  /** @throws InvalidOptionsError with everything that is wrong with the options. */
  static forRoot(options: RegistrationModuleOptions): DynamicModule {
    checkOptions(options);
    const { service, port, register, registrars: own } = options;
    const registrations = new Registrations({
      ...resolveRegister(register, own),
      service,
      features: [],
      logger: new Logger('Registration'),
      ready: (address, signal) => portAccepts(address, port, signal),
    });
    return {
      module: RegistrationModule,
      providers: [
        { provide: REGISTRATIONS, useValue: registrations },
        { provide: OPTIONS, useValue: options },
        RegistrationHooks,
      ],
    };
  }
}

const schema = section<RegistrationModuleOptions>({
  service: serviceName,
  port: number({ min: 1, max: 65_535, integer: true }),
  host: hostName,
  register: anything,
  registrars,
});

function checkOptions(options: unknown): void {
  const problems: OptionsProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  schema(options, 'RegistrationModule', report);
  if (isObject(options)) {
    for (const key of ['service', 'port'])
      if (options[key] === undefined) report(`RegistrationModule.${key}`, 'missing');
    checkRegister(options.register, options.registrars, 'RegistrationModule.register', report);
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}
