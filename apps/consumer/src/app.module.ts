import { Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { LoadBalancerExceptionFilter } from 'nestjs-load-balancer';
import { LoadBalancerHealthModule } from 'nestjs-load-balancer/health';
import { CitiesModule } from './cities/cities.module.js';
import { AccessLogInterceptor } from './common/access-log.interceptor.js';
import { RequestIdInterceptor } from './common/request-id.interceptor.js';

@Module({
  imports: [CitiesModule, LoadBalancerHealthModule],
  providers: [
    { provide: APP_FILTER, useClass: LoadBalancerExceptionFilter },
    { provide: APP_INTERCEPTOR, useClass: AccessLogInterceptor },
    { provide: APP_INTERCEPTOR, useClass: RequestIdInterceptor },
  ],
})
export class AppModule {}
