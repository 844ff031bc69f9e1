import { Global, Module } from '@nestjs/common';
import { LoadBalancerRegistry } from '../client/registry.js';
import { ContextModule } from '../context/context.module.js';

/** What there is once in an application, however many modules declare services: the registry and the context. */
@Global()
@Module({
  imports: [ContextModule],
  providers: [LoadBalancerRegistry],
  exports: [LoadBalancerRegistry],
})
export class LoadBalancerCoreModule {}
