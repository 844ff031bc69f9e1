import { plainText } from '../../client/plain-text.js';

/** A pattern in text: one that `patterns` writes as JSON is the same in whatever order and layout. */
export function routeOf(pattern: unknown): string {
  if (typeof pattern !== 'string') return plainText(pattern) ?? String(pattern);
  if (!pattern.startsWith('{')) return pattern;
  try {
    return plainText(JSON.parse(pattern)) ?? pattern;
  } catch {
    return pattern;
  }
}
