import type { DynamicModule, FactoryProvider, Provider } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { LB_CONTEXT_OPTIONS } from '../context/context-options.js';
import { InvalidOptionsError } from '../errors.js';
import { LB_ROOT_OPTIONS } from './tokens.js';
import { isObject } from './validation/schema.js';

/** Where the options of `forRoot()` or `forRootAsync()` come from. */
export interface RootOptionsSource extends Pick<FactoryProvider, 'useFactory' | 'inject'> {
  /** What the dependencies of the factory come from. */
  readonly imports?: NonNullable<DynamicModule['imports']>;
  readonly providers?: readonly Provider[];
}

/** Holds what `forRoot()` was given where every `forFeature()` finds it, whether or not the clients are global. */
@Module({})
export class LoadBalancerRootOptionsModule {
  static from({ useFactory, inject = [], imports = [], providers = [] }: RootOptionsSource): DynamicModule {
    const options: FactoryProvider = {
      provide: LB_ROOT_OPTIONS,
      inject: [ModulesContainer, ...inject],
      useFactory: (modules: ModulesContainer, ...dependencies: unknown[]): unknown => {
        assertOnlyRoot(modules);
        return useFactory(...dependencies);
      },
    };
    const context: FactoryProvider = {
      provide: LB_CONTEXT_OPTIONS,
      inject: [LB_ROOT_OPTIONS],
      // They have not been validated yet, and may be anything.
      useFactory: (given: unknown) => (isObject(given) ? given.context : undefined),
    };
    return {
      module: LoadBalancerRootOptionsModule,
      global: true,
      imports,
      providers: [...providers, options, context],
      exports: [LB_ROOT_OPTIONS, LB_CONTEXT_OPTIONS],
    };
  }
}

/**
 * Of two roots only one could set the defaults and the context; which one would be an accident of their order. The
 * container is asked, and nothing remembered, since a process may have several applications.
 */
function assertOnlyRoot(modules: ModulesContainer): void {
  const roots = [...modules.values()].filter(({ metatype }) => metatype === LoadBalancerRootOptionsModule);
  if (roots.length <= 1) return;
  const message =
    `forRoot() or forRootAsync() is imported ${roots.length} times in one application; ` +
    'import it once, and forFeature() for the services of other modules';
  throw new InvalidOptionsError([{ path: 'LoadBalancerModule', message }]);
}
