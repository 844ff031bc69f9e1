/**
 * The reason of a failure in a few words. By its shape and not by `instanceof`, since what Node throws is of another realm where
 * tests run in a sandbox; several addresses of one host are several errors.
 */
export function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { errors, message } = error as { errors?: unknown; message?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return [...new Set(errors.map(reasonOf))].join('; ');
  return typeof message === 'string' && message !== '' ? message : 'no reason was given';
}
