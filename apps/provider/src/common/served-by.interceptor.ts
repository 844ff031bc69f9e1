import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { NODE_NAME } from '../node-name.js';

/** Says in every answer, and in every emission of a stream, which node gave it. */
@Injectable()
export class ServedByInterceptor implements NestInterceptor<object, object> {
  constructor(@Inject(NODE_NAME) private readonly node: string) {}

  intercept(_context: ExecutionContext, next: CallHandler<object>): Observable<object> {
    return next.handle().pipe(map((answer) => ({ ...answer, servedBy: this.node })));
  }
}
