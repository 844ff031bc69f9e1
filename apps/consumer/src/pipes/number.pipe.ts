import { BadRequestException, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { got } from './got.js';

/** What the pipe accepts, bounds included. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** `false` by default. */
  readonly integer?: boolean;
  /** What a parameter that is left out stands for; without it, the parameter must be there. */
  readonly default?: number;
}

/** A decimal number, as people write them: no hexadecimal, no `Infinity`, no blank that `Number()` takes for 0. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)$/;

/** Reads a number from a query: `lat: expected a number from -90 to 90, got "abc"`. */
export class NumberPipe implements PipeTransform<unknown, number> {
  constructor(private readonly range: NumberRange) {}

  transform(value: unknown, { data: name = 'value' }: ArgumentMetadata): number {
    const { min, max, integer = false, default: fallback } = this.range;
    if (value === undefined && fallback !== undefined) return fallback;
    if (typeof value === 'string' && value.length <= 32 && DECIMAL.test(value)) {
      const number = Number(value);
      if (number >= min && number <= max && (!integer || Number.isInteger(number))) return number;
    }
    const expected = `${integer ? 'an integer' : 'a number'} from ${min} to ${max}`;
    throw new BadRequestException(`${name}: expected ${expected}, ${got(value)}`);
  }
}
