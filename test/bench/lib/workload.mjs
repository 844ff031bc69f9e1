/** One call in this many has its latency taken when there are many in flight: two looks at the clock cost about 0.3 µs. */
const SAMPLED = 8;

/**
 * Makes `calls` calls and keeps `inFlight` of them under way: each answer starts the next one.
 *
 * @param {(payload: unknown, done: (error: unknown) => void) => void} call
 * @param {unknown} payload
 * @param {{ inFlight: number, calls: number }} load
 * @returns {Promise<number[]>} latencies in milliseconds, of all calls or of one in eight
 * @throws the first call's error
 */
export function drive(call, payload, { inFlight, calls }) {
  const every = inFlight === 1 ? 1 : SAMPLED;
  const latencies = [];
  let started = 0;
  let ended = 0;
  return new Promise((resolve, reject) => {
    const next = () => {
      const start = started++ % every === 0 ? performance.now() : 0;
      call(payload, (error) => {
        if (start > 0) latencies.push(performance.now() - start);
        ended++;
        if (error) reject(error);
        else if (started < calls) next();
        else if (ended === calls) resolve(latencies);
      });
    };
    for (let i = 0; i < Math.min(inFlight, calls); i++) next();
  });
}
