import { RequestContext } from 'nestjs-load-balancer';
import { PAYLOADS } from '../lib/payloads.mjs';

/** Milliseconds until a call that nobody answers runs out of time, or is given up. */
const IMPATIENCE = 20;

/**
 * Kinds of calls, and how often each is made in a hundred. Each function starts one and tells once how it ended.
 *
 * @type {Record<string, { share: number, start: (client: import('nestjs-load-balancer').BalancedClientProxy, ended: (outcome: string) =>
 *   void) => void }>}
 */
const MIX = {
  value: { share: 66, start: (client, ended) => watch(client.send({ cmd: 'echo' }, PAYLOADS.small), ended) },
  'value in a context': {
    share: 10,
    start(client, ended) {
      const context = new RequestContext({ deadline: performance.now() + 5_000 });
      RequestContext.run(context, () => watch(client.send({ cmd: 'echo' }, PAYLOADS.small), ended));
    },
  },
  stream: {
    share: 10,
    start: (client, ended) => watch(client.send({ cmd: 'stream' }, PAYLOADS.small), ended),
  },
  error: { share: 6, start: (client, ended) => watch(client.send({ cmd: 'fail' }, {}), ended) },
  timeout: {
    share: 3,
    start: (client, ended) => watch(client.send({ cmd: 'hold' }, {}, { timeout: IMPATIENCE }), ended),
  },
  unsubscribed: {
    share: 2,
    start(client, ended) {
      const subscription = watch(client.send({ cmd: 'hold' }, {}), ended);
      setTimeout(() => {
        const open = !subscription.closed;
        subscription.unsubscribe();
        if (open) ended('unsubscribed');
      }, IMPATIENCE);
    },
  },
  aborted: {
    share: 1,
    start(client, ended) {
      const controller = new AbortController();
      watch(client.send({ cmd: 'hold' }, {}, { signal: controller.signal }), ended);
      setTimeout(() => controller.abort(), IMPATIENCE);
    },
  },
  event: { share: 2, start: (client, ended) => watch(client.emit({ cmd: 'note' }, PAYLOADS.small), ended) },
};

/** The names of a hundred calls, in the order in which they are made again and again: spread out, not one kind after the other. */
const SEQUENCE = Object.entries(MIX)
  .flatMap(([name, { share }]) => Array.from({ length: share }, (_, i) => ({ name, at: (i + 0.5) / share })))
  .sort((a, b) => a.at - b.at)
  .map(({ name }) => name);

/** Mixed traffic, a number of calls in flight at a time, that can be paused. */
export class Traffic {
  #client;
  #inFlight = 0;
  #paused = true;
  #calls = 0;
  #drained = () => {};
  /** How calls of each kind ended, how often. */
  outcomes = new Map();

  constructor(client) {
    this.#client = client;
  }

  get calls() {
    return this.#calls;
  }

  resume(inFlight) {
    this.#paused = false;
    while (this.#inFlight < inFlight) this.#next();
  }

  /** Resolves once every call has ended; rejects when one does not. */
  async pause(patience = 15_000) {
    this.#paused = true;
    if (this.#inFlight === 0) return;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.#inFlight} calls never ended`)), patience);
      this.#drained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #next() {
    const name = SEQUENCE[this.#calls++ % SEQUENCE.length];
    this.#inFlight++;
    let over = false;
    MIX[name].start(this.#client, (outcome) => {
      if (over) throw new Error(`a call (${name}) ended twice, the second time: ${outcome}`);
      over = true;
      const key = `${name}: ${outcome}`;
      this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
      this.#inFlight--;
      if (!this.#paused) setImmediate(() => this.#resumeOne());
      else if (this.#inFlight === 0) this.#drained();
    });
  }

  /** One for the one that has ended, not from within its end: a service without nodes would recurse. */
  #resumeOne() {
    if (!this.#paused) this.#next();
  }
}

function watch(answer, ended) {
  return answer.subscribe({
    error: (error) => ended(typeof error === 'string' ? 'error' : (error?.code ?? 'error')),
    complete: () => ended('answered'),
  });
}
