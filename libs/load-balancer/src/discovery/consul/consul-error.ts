import { oneLine } from '../../safe-text.js';

/** Characters of what an agent says of its refusal. */
const MAX_SAID = 200;
const TOO_MANY = 429;

/** Why a request to Consul failed, in one line without secrets. */
export class ConsulError extends Error {
  override readonly name = 'ConsulError';

  /** @param status of the answer; `undefined` when there was none */
  constructor(
    message: string,
    readonly status: number | undefined,
  ) {
    super(message);
  }

  /** The agent has understood and says no, as it will until somebody puts that right. 429 asks to come back later. */
  get refused(): boolean {
    const { status = 0 } = this;
    return status >= 400 && status < 500 && status !== TOO_MANY;
  }
}

/** What the client's errors have beside their message. */
interface ClientError extends NodeJS.ErrnoException {
  readonly isCodec?: boolean;
  readonly response?: { readonly statusCode: number; readonly body?: unknown };
}

/**
 * What an error of the client means. Its own message begins with the name of the method, and repeats what an agent says only
 * when that is short.
 */
export function reasonOf(error: unknown): { reason: string; status: number | undefined } {
  const { isCodec, response, message = '', code } = (error ?? {}) as Partial<ClientError>;
  if (isCodec) return { reason: 'the answer is not valid JSON', status: undefined };
  // An `AggregateError`, when each address of a host refuses, has only a code.
  const text = message.replace(/^consul: [a-z.]+: /, '') || (code ?? 'failed without a reason');
  if (response === undefined) return { reason: oneLine(text, MAX_SAID), status: undefined };
  const { statusCode: status, body } = response;
  const said = typeof body === 'string' && !body.trimStart().startsWith('<') ? body.trim() : text;
  return { reason: `HTTP ${status}: ${oneLine(said, MAX_SAID)}${hintOf(status)}`, status };
}

function hintOf(status: number): string {
  return status === 401 || status === 403 ? ' (the token must exist and allow this)' : '';
}
