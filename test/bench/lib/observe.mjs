/**
 * Subscribes to the answer of a call, and tells of its end.
 *
 * The Observable is consumed as it is, since that is what Nest does with the one that a handler returns: `firstValueFrom()` would add
 * the same to every client and so bring them closer together than they are.
 *
 * @param {import('rxjs').Observable<unknown>} answer
 * @param {(error?: unknown, response?: unknown) => void} done
 */
export function observe(answer, done) {
  answer.subscribe(new LastValue(done));
}

/** An observer with its functions in its class: three closures a call would be the benchmark's garbage in the client's account. */
class LastValue {
  #done;
  #response;

  constructor(done) {
    this.#done = done;
  }

  next(value) {
    this.#response = value;
  }

  error(error) {
    this.#done(error ?? new Error('failed without a reason'));
  }

  complete() {
    this.#done(undefined, this.#response);
  }
}
