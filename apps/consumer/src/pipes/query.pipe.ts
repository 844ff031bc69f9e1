import { BadRequestException, type PipeTransform } from '@nestjs/common';

/**
 * Reads a whole query, each parameter with a pipe of its own, and complains of all that are wrong at once: left to
 * themselves, pipes stop at the first.
 */
export class QueryPipe<T extends object> implements PipeTransform<Readonly<Record<string, unknown>>, T> {
  constructor(private readonly parameters: { readonly [K in keyof T]: PipeTransform<unknown, T[K]> }) {}

  transform(query: Readonly<Record<string, unknown>>): T {
    const values: [string, unknown][] = [];
    const complaints: string[] = [];
    for (const [name, pipe] of Object.entries<PipeTransform>(this.parameters)) {
      try {
        values.push([name, pipe.transform(query[name], { type: 'query', data: name })]);
      } catch (error) {
        if (!(error instanceof BadRequestException)) throw error;
        complaints.push(error.message);
      }
    }
    if (complaints.length > 0) throw new BadRequestException(complaints.join('; '));
    return Object.fromEntries(values) as T;
  }
}
