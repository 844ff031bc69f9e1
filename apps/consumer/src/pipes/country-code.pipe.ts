import { BadRequestException, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { got } from './got.js';

/** Reads an ISO 3166-1 alpha-2 code, in either case, as upper case. */
export class CountryCodePipe implements PipeTransform<unknown, string> {
  transform(value: unknown, { data: name = 'value' }: ArgumentMetadata): string {
    if (typeof value === 'string' && /^[a-z]{2}$/i.test(value)) return value.toUpperCase();
    throw new BadRequestException(
      `${name}: expected a country code of two letters such as FR, ${got(value)}`,
    );
  }
}
