// Looked up once: in a vm context, such as Jest's, each look at a global costs more than all the rest of a hash.
export const { imul } = Math;

/**
 * A 32-bit hash of a text: FNV-1a over its UTF-16 code units, finished by the mixer of MurmurHash3, since the low bits of
 * FNV alone are weak for short keys. The same on every machine, as clients have to agree. Not for secrets.
 */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** MurmurHash3's finalizer (Austin Appleby, public domain): each bit of the input changes half of those of the output. */
export function mix(value: number): number {
  let hash = value;
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Two independent hashes of a node's key. One alone would make two of ten thousand nodes the same in every hundredth
 * cluster, and one of them would get no calls.
 */
export function hashPair(key: string): readonly [number, number] {
  return [hashText(key), hashText(key, 0x9e3779b9)];
}
