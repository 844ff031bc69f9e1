import type { PipeTransform } from '@nestjs/common';

/** Hands a handler its query checked and typed. */
export class QueryPipe<T> implements PipeTransform<unknown, T> {
  constructor(private readonly parse: (data: unknown) => T) {}

  transform(data: unknown): T {
    return this.parse(data);
  }
}
