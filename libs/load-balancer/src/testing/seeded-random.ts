/**
 * A reproducible source of chance: the same seed gives the same sequence. Uniform in [0, 1).
 *
 * Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, passes gjrand, fast enough to be drawn per call.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
