import { get as getPlain, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { get as getSecure, type RequestOptions } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { oneLine } from '../../safe-text.js';
import type { ClusterAccess } from './cluster-access.js';

/** Ten thousand endpoints are four megabytes; an object is at most 1.5 MB, the limit of etcd. */
const MAX_BODY = 64 * 1024 * 1024;
const MAX_LINE = 4 * 1024 * 1024;
/** Characters of an error's body that are looked at: a `Status`, or the page of some proxy. */
const MAX_ERROR_BODY = 16 * 1024;
const MAX_MESSAGE = 300;

/** The API server has refused, in the answer or in the middle of a watch. */
export class ApiRefusal extends Error {
  /**
   * @param status of HTTP, or the `code` of a `Status`
   * @param retryAfter milliseconds that it asked for
   */
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

/** The API server has sent what cannot be read. */
export class BadAnswer extends Error {}

/** Milliseconds. */
export interface Patience {
  /** For credentials, connection and the head of the answer together, and for each silence while a list is read. */
  readonly answer: number;
  /** For each silence of a watch. */
  readonly watch: number;
}

/**
 * GET requests for JSON. Of the official client only what concerns credentials is used: its `Watch` has no time limit until
 * the answer begins (1.x) or ends every watch that is quiet for 30 s (2.x), cannot be given up while it connects, and drops
 * lines that it cannot parse without a word.
 */
export class KubernetesApi {
  /** What the last request was made with and must not be shown. */
  private secrets: readonly string[] = [];

  constructor(
    private readonly access: ClusterAccess,
    private readonly patience: Patience,
  ) {}

  /** The whole answer. @throws ApiRefusal, or what the network or TLS says */
  async get(path: string, signal: AbortSignal): Promise<unknown> {
    const { response, silence } = await this.open(path, this.patience.answer, signal);
    try {
      return parseJson(await readText(response, silence, MAX_BODY), 'the answer of the API server');
    } finally {
      silence.end();
    }
  }

  /**
   * Each line of an answer that goes on, until the server ends it.
   *
   * @param onOpen called once the server has agreed
   */
  async *lines(path: string, signal: AbortSignal, onOpen: () => void): AsyncGenerator<unknown, void> {
    const { response, silence } = await this.open(path, this.patience.watch, signal);
    try {
      onOpen();
      const decoder = new StringDecoder('utf8');
      let rest = '';
      for await (const chunk of response as AsyncIterable<Buffer>) {
        silence.broken();
        const lines = (rest + decoder.write(chunk)).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE)
          throw new BadAnswer(`a line of the watch is longer than ${MAX_LINE} characters`);
        for (const line of lines) if (line !== '') yield parseJson(line, 'a line of the watch');
      }
    } finally {
      silence.end();
      response.destroy();
    }
  }

  /** A refusal in words that are safe to log: a proxy in between may repeat what it was sent. */
  refusal(status: number, message: unknown, retryAfter = 0): ApiRefusal {
    const text = typeof message === 'string' ? message.slice(0, MAX_ERROR_BODY) : '';
    const safe = this.secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
    const said = safe === '' ? '' : `: ${oneLine(safe, MAX_MESSAGE)}`;
    const hint = status === 403 ? ' (it takes list and watch on endpointslices of discovery.k8s.io)' : '';
    return new ApiRefusal(status, `the API server answered ${status}${said}${hint}`, retryAfter);
  }

  private async open(path: string, bodyPatience: number, signal: AbortSignal): Promise<Opened> {
    const opening = new Silence(this.patience.answer);
    const ended = AbortSignal.any([signal, opening.signal]);
    try {
      const options = await orAborted(this.access.requestOptions(), ended);
      this.secrets = secretsOf(options);
      const response = await request(this.access.server + path, options, signal, ended);
      if (response.statusCode !== 200) throw await this.refusalOf(response, opening);
      const silence = new Silence(bodyPatience, () => response.destroy(silence.error));
      return { response, silence };
    } catch (error) {
      throw opening.signal.aborted ? opening.error : error;
    } finally {
      opening.end();
    }
  }

  private async refusalOf(response: IncomingMessage, silence: Silence): Promise<ApiRefusal> {
    const body = await readText(response, silence, MAX_ERROR_BODY).catch(() => '');
    response.destroy();
    const seconds = Number(response.headers['retry-after']);
    return this.refusal(response.statusCode ?? 0, messageOf(body), seconds > 0 ? seconds * 1_000 : 0);
  }
}

interface Opened {
  readonly response: IncomingMessage;
  readonly silence: Silence;
}

/** Runs out unless it is broken again and again. */
class Silence {
  readonly error: Error;
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;

  constructor(limit: number, onTooLong?: () => void) {
    this.error = new Error(`the API server was silent for ${limit} ms`);
    // Looking for nodes is no reason for a process to go on.
    this.timer = setTimeout(() => {
      this.controller.abort();
      onTooLong?.();
    }, limit).unref();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  broken(): void {
    this.timer.refresh();
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

/** @param opening ends the request until the answer begins, `signal` the answer, too */
function request(
  url: string,
  options: RequestOptions,
  signal: AbortSignal,
  opening: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith('https:') ? getSecure : getPlain;
    const headers = { ...(options.headers as OutgoingHttpHeaders | undefined), accept: 'application/json' };
    const giveUp = (): void => void sent.destroy(new Error('given up'));
    const sent = get(url, { ...options, headers, signal }, (response) => {
      opening.removeEventListener('abort', giveUp);
      resolve(response);
    });
    opening.addEventListener('abort', giveUp, { once: true });
    sent.on('error', reject);
    sent.on('socket', (socket) => {
      socket.setKeepAlive(true, KEEP_ALIVE);
      socket.unref();
    });
  });
}

/** Milliseconds of silence after which the system asks whether the other side is still there. */
const KEEP_ALIVE = 30_000;

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(new Error('given up'));
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

async function readText(response: IncomingMessage, silence: Silence, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    silence.broken();
    length += chunk.length;
    if (length > limit) throw new BadAnswer(`the answer of the API server is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The message of a `Status`; of a page of some proxy nothing, since the status says enough. */
function messageOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { message?: unknown } | null)?.message;
  } catch {
    return undefined;
  }
}

/** What a parser quotes of a text that is no JSON is nobody's business. */
function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new BadAnswer(`${what} is not valid JSON`);
  }
}

/** What of a request's options must not be shown. */
function secretsOf({ headers, auth }: RequestOptions): string[] {
  const authorization = headers && 'Authorization' in headers ? headers.Authorization : undefined;
  const token = typeof authorization === 'string' ? authorization.replace(/^\w+\s+/, '').trim() : '';
  const password = auth?.slice(auth.indexOf(':') + 1) ?? '';
  return [token, password].filter((secret) => secret !== '');
}
