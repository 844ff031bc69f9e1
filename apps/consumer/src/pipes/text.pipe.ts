import { BadRequestException, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { got } from './got.js';

/** Reads a text of 1 to `max` characters, blanks at its ends aside: `prefix: expected 1 to 100 characters, got ""`. */
export class TextPipe implements PipeTransform<unknown, string> {
  constructor(private readonly max: number) {}

  transform(value: unknown, { data: name = 'value' }: ArgumentMetadata): string {
    const text = typeof value === 'string' ? value.trim() : '';
    if (text !== '' && Array.from(text).length <= this.max) return text;
    throw new BadRequestException(`${name}: expected 1 to ${this.max} characters, ${got(value)}`);
  }
}
