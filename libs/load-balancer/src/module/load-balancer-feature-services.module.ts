import type { DynamicModule, FactoryProvider } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { featureServiceToken } from './tokens.js';
import type { ValidatedModuleOptions } from './validation/validate-module-options.js';

/**
 * Holds the services of one `forFeature()` where the root of its application finds them, so that the root leaves to the
 * feature what the environment says of them. Through Nest and not through a list in the process, which may have several
 * applications.
 */
@Module({})
export class LoadBalancerFeatureServicesModule {
  static from(names: readonly string[], validated: FactoryProvider<ValidatedModuleOptions>): DynamicModule {
    const services = names.map((name) => ({
      provide: featureServiceToken(name),
      inject: [validated.provide],
      useFactory: ({ services }: ValidatedModuleOptions) => services.get(name),
    }));
    return {
      module: LoadBalancerFeatureServicesModule,
      global: true,
      providers: [validated, ...services],
      exports: [validated.provide, ...services.map(({ provide }) => provide)],
    };
  }
}
