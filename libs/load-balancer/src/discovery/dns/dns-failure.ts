/** The codes of `node:dns` in words. */
const MEANING: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'there is no such name'],
  ['ENODATA', 'the name has no such records'],
  ['ESERVFAIL', 'the name server failed'],
  ['EREFUSED', 'the name server refuses to answer'],
  ['ETIMEOUT', 'no answer in time'],
  ['ECONNREFUSED', 'the name server cannot be reached'],
  ['EBADRESP', 'the answer cannot be understood'],
]);

/** The `code` of an error of `node:dns`. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'without a code';
}

/** The name servers say for certain that there is nothing, as opposed to not saying anything. */
export function isAbsence(code: string): boolean {
  return code === 'ENOTFOUND' || code === 'ENODATA';
}

/**
 * `A and AAAA ETIMEOUT (no answer in time)`
 *
 * @param failures the kind of record, and the code
 */
export function describeFailures(failures: readonly (readonly [kind: string, code: string])[]): string {
  const kindsByCode = new Map<string, string[]>();
  for (const [kind, code] of failures) kindsByCode.set(code, [...(kindsByCode.get(code) ?? []), kind]);
  return [...kindsByCode]
    .map(([code, kinds]) => `${kinds.join(' and ')} ${code} (${MEANING.get(code) ?? 'unexpected'})`)
    .join(', ');
}
