import { describe, expect, it } from '@jest/globals';
import { BadRequestException } from '@nestjs/common';
import { NumberPipe } from './number.pipe.js';
import { QueryPipe } from './query.pipe.js';

describe('QueryPipe', () => {
  const coordinate = new QueryPipe<{ lat: number; lon: number }>({
    lat: new NumberPipe({ min: -90, max: 90 }),
    lon: new NumberPipe({ min: -180, max: 180 }),
  });

  it('reads each parameter, and no other', () => {
    expect(coordinate.transform({ lat: '48.85', lon: '2.35', zoom: '3' })).toEqual({ lat: 48.85, lon: 2.35 });
  });

  it('complains of everything that is wrong at once', () => {
    expect(() => coordinate.transform({ lat: '91' })).toThrow(
      new BadRequestException(
        'lat: expected a number from -90 to 90, got "91"; lon: expected a number from -180 to 180, got nothing',
      ),
    );
    expect(() => coordinate.transform({ lat: '1', lon: 'east' })).toThrow(
      new BadRequestException('lon: expected a number from -180 to 180, got "east"'),
    );
  });

  it('leaves other errors alone', () => {
    const fault = new Error('a fault of ours');
    const broken = {
      transform: () => {
        throw fault;
      },
    };
    expect(() => new QueryPipe<{ lat: number }>({ lat: broken }).transform({})).toThrow(fault);
  });
});
