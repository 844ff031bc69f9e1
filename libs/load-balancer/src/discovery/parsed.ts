/** What parsing untrusted text gives: a value, or what is wrong with the text. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** All problems in one text, `undefined` when there are none. */
export function problemsOf(...problems: readonly (string | undefined)[]): string | undefined {
  const found = problems.filter((problem) => problem !== undefined);
  return found.length === 0 ? undefined : found.join('; ');
}

export function refused(problem: string): Parsed<never> {
  return { ok: false, problem };
}
