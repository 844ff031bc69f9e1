import { Module, type DynamicModule } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { CitiesModule } from './cities/cities.module.js';
import { CallLogInterceptor } from './common/call-log.interceptor.js';
import { ServedByInterceptor } from './common/served-by.interceptor.js';
import { NODE_NAME } from './node-name.js';

@Module({})
export class AppModule {
  /** @param node what answers and logs call this node */
  static forNode(node: string): DynamicModule {
    return {
      module: AppModule,
      imports: [CitiesModule],
      providers: [
        { provide: NODE_NAME, useValue: node },
        { provide: APP_INTERCEPTOR, useClass: CallLogInterceptor },
        { provide: APP_INTERCEPTOR, useClass: ServedByInterceptor },
      ],
    };
  }
}
