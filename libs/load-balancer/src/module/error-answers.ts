import type { ErrorCode, LoadBalancerError } from '../errors.js';

/** What callers of this application are told of an error of the library that nobody caught. */
export interface ErrorAnswer {
  /** Of HTTP. */
  readonly status: number;
  /** The same for every service and node: who asks may be a stranger, and which nodes there are is none of his business. */
  readonly message: string;
}

/** nginx's code for a client that closed the connection before it was answered: nobody reads it but logs. */
const CLIENT_CLOSED_REQUEST = 499;

const ANSWERS: Readonly<Record<ErrorCode, ErrorAnswer>> = {
  NO_NODES: { status: 503, message: 'No node can take the request' },
  CONNECT_FAILED: { status: 503, message: 'No node could be reached' },
  CONNECTION_LOST: { status: 503, message: 'The connection was lost before the answer came' },
  CLIENT_CLOSED: { status: 503, message: 'The application is shutting down' },
  DEADLINE_EXCEEDED: { status: 504, message: 'No answer came in time' },
  CANCELLED: { status: CLIENT_CLOSED_REQUEST, message: 'The request was cancelled' },
  OVERLOADED: { status: 429, message: 'Too many requests at the moment' },
  INVALID_OPTIONS: { status: 500, message: 'Internal server error' },
};

/** Another copy of the package may know codes that this one does not. */
const UNKNOWN: ErrorAnswer = { status: 500, message: 'Internal server error' };

/** What to tell of `error`: nothing that it says itself. */
export function answerTo(error: LoadBalancerError): ErrorAnswer {
  return (ANSWERS as Partial<Record<string, ErrorAnswer>>)[error.code] ?? UNKNOWN;
}
