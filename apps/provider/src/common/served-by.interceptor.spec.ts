import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { lastValueFrom, of, toArray } from 'rxjs';
import { ServedByInterceptor } from './served-by.interceptor.js';

describe('ServedByInterceptor', () => {
  it('puts the name of the node in every emission', async () => {
    const answers = new ServedByInterceptor('node-2').intercept({} as ExecutionContext, {
      handle: () => of({ city: 1 }, { city: 2 }),
    });
    await expect(lastValueFrom(answers.pipe(toArray()))).resolves.toEqual([
      { city: 1, servedBy: 'node-2' },
      { city: 2, servedBy: 'node-2' },
    ]);
  });
});
