export interface InTurnOptions {
  readonly tries: number;
  /** Milliseconds that a try may go without an answer before the next one begins beside it. */
  readonly patience: number;
  /** Is it worth another try after this? */
  readonly isPassing: (error: Error) => boolean;
}

/**
 * Tries one after the other: the next when one has failed, or when it has been silent for too long. That one goes on, and the
 * first answer counts, so that what is merely slow is not asked for in vain. Rejects with the last failure, or with the first that
 * another try would not mend.
 */
export function inTurn<T>(
  attempt: () => PromiseLike<T>,
  { tries, patience, isPassing }: InTurnOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let pending = 0;
    let settled = false;
    let timer: NodeJS.Timeout | undefined;

    const settle = (outcome: () => void): void => {
      settled = true;
      clearTimeout(timer);
      outcome();
    };
    const failed = (error: Error): void => {
      pending--;
      if (settled) return;
      if (!isPassing(error)) settle(() => reject(error));
      else if (pending > 0) return;
      else if (begun < tries) begin();
      else settle(() => reject(error));
    };
    const begin = (): void => {
      clearTimeout(timer);
      begun++;
      pending++;
      attempt().then((value) => settle(() => resolve(value)), failed);
      if (begun < tries && patience < Infinity) timer = setTimeout(begin, patience).unref();
    };
    begin();
  });
}
