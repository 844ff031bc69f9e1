/** Longest part of a wrong value that is sent back. */
const SHOWN = 50;

/** The end of a complaint: what came instead. */
export function got(value: unknown): string {
  if (value === undefined) return 'got nothing';
  const text = JSON.stringify(value);
  return `got ${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}`;
}
