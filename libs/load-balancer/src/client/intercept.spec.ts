import { describe, expect, it } from '@jest/globals';
import { map, Observable, of, retry, throwError } from 'rxjs';
import type { CallInterceptor, OutgoingCall } from './call-interceptor.js';
import { intercept } from './intercept.js';

const call: OutgoingCall = { service: 'orders', pattern: 'quote', data: 1, options: {} };

function run(interceptors: CallInterceptor[], last: (call: OutgoingCall) => Observable<unknown>): unknown[] {
  const seen: unknown[] = [];
  intercept(interceptors, call, last).subscribe({
    next: (value) => seen.push(value),
    error: (error: unknown) => seen.push(error),
  });
  return seen;
}

describe('interceptors', () => {
  it('stand round the call, the first one outermost', () => {
    const mark =
      (name: string): CallInterceptor =>
      (current, next) =>
        next({ ...current, data: `${String(current.data)} ${name}` }).pipe(
          map((value) => `${String(value)} ${name}`),
        );
    expect(run([mark('a'), mark('b')], ({ data }) => of(`(${String(data)})`))).toEqual(['(1 a b) b a']);
  });

  it('may answer without the call being made', () => {
    let made = 0;
    const cached: CallInterceptor = () => of('cached');
    const last = () => {
      made++;
      return of('fresh');
    };
    expect(run([cached], last)).toEqual(['cached']);
    expect(made).toBe(0);
  });

  it('may make it several times', () => {
    const again: CallInterceptor = (current, next) => next(current).pipe(retry(2));
    let made = 0;
    const last = () =>
      new Observable((subscriber) => {
        if (++made < 3) subscriber.error('no');
        else subscriber.next('third time');
      });
    expect(run([again], last)).toEqual(['third time']);
  });

  it('are not needed', () => {
    expect(run([], (given) => (given === call ? throwError(() => 'the very call') : of(0)))).toEqual([
      'the very call',
    ]);
  });
});
