import {
  Inject,
  Injectable,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type FactoryProvider,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { portAccepts } from './port-accepts.js';
import {
  checkModuleAsyncOptions,
  checkModuleOptions,
  type RegistrationModuleAsyncOptions,
  type RegistrationModuleOptions,
} from './registration-module-options.js';
import { resolveRegister } from './registration-options.js';
import { Registrations } from './registrations.js';

/** The options, checked. */
const OPTIONS = Symbol('nestjs-load-balancer.registration.options');

/** Registers with the life of the application. */
@Injectable()
class RegistrationHooks implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  private readonly registrations: Registrations;
  private stopped: Promise<void> | undefined;

  constructor(@Inject(OPTIONS) private readonly options: RegistrationModuleOptions) {
    const { service, port, register, registrars } = options;
    this.registrations = new Registrations({
      ...resolveRegister(register, registrars),
      service,
      features: [],
      logger: new Logger('Registration'),
      ready: (address, signal) => portAccepts(address, port, signal),
    });
  }

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
    checkModuleOptions(options);
    return withOptions({ useFactory: () => options });
  }

  /**
   * The same with options that are made at start-up; the application does not start when something is wrong with them.
   *
   * @throws InvalidOptionsError with everything that is wrong with what is given here.
   *
   * @example
   * ```ts
   * RegistrationModule.forRootAsync({
   *   imports: [ConfigModule],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({
   *     service: 'orders',
   *     port: Number(config.getOrThrow('PORT')),
   *     register: config.getOrThrow('REGISTER'),
   *   }),
   * })
   * ```
   */
  static forRootAsync(options: RegistrationModuleAsyncOptions): DynamicModule {
    checkModuleAsyncOptions(options);
    const { imports = [], inject = [], useFactory } = options;
    return {
      ...withOptions({
        inject,
        useFactory: async (...dependencies: never[]) => {
          const made = await useFactory(...dependencies);
          checkModuleOptions(made);
          return made;
        },
      }),
      imports,
    };
  }
}

function withOptions(source: Pick<FactoryProvider, 'useFactory' | 'inject'>): DynamicModule {
  return { module: RegistrationModule, providers: [{ provide: OPTIONS, ...source }, RegistrationHooks] };
}
