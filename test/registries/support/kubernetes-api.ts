import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PATH = /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/([^/]+)\/endpointslices$/;
const SERVICE_LABEL = 'kubernetes.io/service-name';

/** The certificate that consumers trust, and one that they do not. */
type Pair = 'test-only' | 'other-test-only';

/** An EndpointSlice, as far as the tests need one. */
export interface SliceObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly addressType: string;
  readonly endpoints: unknown;
  readonly ports: unknown;
}

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

interface WatchEvent {
  readonly version: number;
  readonly type: EventType;
  readonly object: SliceObject;
}

interface OpenWatch {
  readonly response: ServerResponse;
  readonly wants: (object: SliceObject) => boolean;
  readonly bookmarks: boolean;
}

/** One request that was made. */
export interface SeenRequest {
  readonly kind: 'list' | 'watch';
  readonly params: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
}

/**
 * Stands for the API server of Kubernetes, of which there is no package: EndpointSlices over HTTP or TLS, list and watch with
 * `resourceVersion`, label selectors, bookmarks, `timeoutSeconds`, 410 Gone in both of its forms, tokens, RBAC, and what goes
 * wrong in practice. The protocol is that of https://kubernetes.io/docs/reference/using-api/api-concepts/.
 */
export class KubernetesApiDouble {
  readonly requests: SeenRequest[] = [];
  /** What requests must carry; `undefined` for nobody asks. */
  token: string | undefined;
  /** Answers to all requests, such as 403. */
  refuse: { status: number; message: string; retryAfter?: number } | undefined;
  /** How it says that a version is gone. */
  goneAs: 'status' | 'event' = 'status';
  /** Watches: `hang` is accepted and never answered, `end` is ended as soon as it has begun, of `gone` every version is. */
  watches: 'work' | 'hang' | 'end' | 'gone' = 'work';

  private readonly objects = new Map<string, SliceObject & { metadata: { resourceVersion: string } }>();
  private readonly open = new Set<OpenWatch>();
  private readonly sockets = new Set<Socket>();
  private readonly directory = mkdtempSync(join(tmpdir(), 'lb-kubernetes-'));
  private history: WatchEvent[] = [];
  private version = 1_000;
  /** Versions below it are gone. */
  private oldest = 0;
  private server: Server;

  private constructor(private readonly tls: boolean) {
    this.server = this.createServer();
  }

  static async start({ tls = false } = {}): Promise<KubernetesApiDouble> {
    const api = new KubernetesApiDouble(tls);
    await api.listen(0);
    return api;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many watches are open. */
  get watching(): number {
    return this.open.size;
  }

  /** The path of a kubeconfig that leads here. */
  kubeconfig({ ca = certificate('cert'), token = this.token, namespace = 'shop' } = {}): string {
    const path = join(this.directory, 'kubeconfig');
    const cluster = this.tls
      ? { 'certificate-authority-data': Buffer.from(ca).toString('base64') }
      : // The client insists on it for plain HTTP.
        { 'insecure-skip-tls-verify': true };
    const config = {
      clusters: [
        {
          name: 'double',
          cluster: { server: `${this.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`, ...cluster },
        },
      ],
      users: [{ name: 'consumer', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'double', user: 'consumer', namespace } }],
      'current-context': 'test',
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  /** A folder with what a pod finds under `/var/run/secrets`, to be given to the client as a prefix of its paths. */
  serviceAccount(namespace = 'shop'): string {
    const folder = join(this.directory, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'token'), this.token ?? '');
    writeFileSync(join(folder, 'ca.crt'), certificate('cert'));
    writeFileSync(join(folder, 'namespace'), namespace);
    return this.directory;
  }

  /** Adds a slice or changes it. */
  put(...slices: readonly SliceObject[]): void {
    for (const slice of slices) {
      const key = `${slice.metadata.namespace}/${slice.metadata.name}`;
      this.happened(this.objects.has(key) ? 'MODIFIED' : 'ADDED', key, slice);
    }
  }

  delete(slice: SliceObject): void {
    this.happened('DELETED', `${slice.metadata.namespace}/${slice.metadata.name}`, slice);
  }

  /** Forgets what has happened until now, as etcd's compaction does: the next change is after a gap. */
  compact(): void {
    this.version += 10;
    this.oldest = this.version;
    this.history = [];
  }

  /** What a server does about every minute. */
  bookmark(): void {
    for (const { response, bookmarks } of this.open) {
      if (bookmarks) send(response, 'BOOKMARK', { metadata: { resourceVersion: String(this.version) } });
    }
  }

  /** Writes to all watches, whatever it is. */
  write(text: string): void {
    for (const { response } of this.open) response.write(text);
  }

  sendError(code: number, message: string): void {
    for (const { response } of this.open) send(response, 'ERROR', status(code, message));
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Ends all watches as a server does when their time is over. */
  endWatches(): void {
    for (const { response } of this.open) response.end();
  }

  /** Takes the watches off the list, so that nothing more is said on them, and leaves them open: they look alive. */
  forgetWatches(): void {
    this.open.clear();
  }

  /** The process of the server ends; what it knows is in etcd. */
  async stop(): Promise<number> {
    const { port } = this;
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    await closed;
    return port;
  }

  /** @param pair which certificate it has from now on */
  async restart(port: number, pair: Pair = 'test-only'): Promise<void> {
    this.server = this.createServer(pair);
    await this.listen(port);
  }

  async close(): Promise<void> {
    rmSync(this.directory, { recursive: true, force: true });
    if (this.server.listening) await this.stop();
  }

  private createServer(pair: Pair = 'test-only'): Server {
    const handle = (request: IncomingMessage, response: ServerResponse): void =>
      this.handle(request, response);
    const server = this.tls
      ? createSecureServer({ cert: certificate('cert', pair), key: certificate('key', pair) }, handle)
      : createServer(handle);
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    return server;
  }

  private async listen(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://double');
    const params = Object.fromEntries(url.searchParams);
    const kind = params.watch === 'true' ? 'watch' : 'list';
    const { authorization } = request.headers;
    this.requests.push({ kind, params, authorization });
    const namespace = PATH.exec(url.pathname)?.[1];
    if (namespace === undefined) {
      answer(response, 404, status(404, 'the server could not find the requested resource'));
    } else if (this.token !== undefined && authorization !== `Bearer ${this.token}`) {
      answer(response, 401, status(401, 'Unauthorized'));
    } else if (this.refuse) {
      const { retryAfter } = this.refuse;
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
      answer(response, this.refuse.status, status(this.refuse.status, this.refuse.message));
    } else {
      const wants = selector(namespace, params.labelSelector);
      if (kind === 'watch') this.watch(params, wants, response);
      else this.list(wants, response);
    }
  }

  private list(wants: (object: SliceObject) => boolean, response: ServerResponse): void {
    answer(response, 200, {
      kind: 'EndpointSliceList',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { resourceVersion: String(this.version) },
      items: [...this.objects.values()].filter(wants),
    });
  }

  private watch(
    params: Readonly<Record<string, string>>,
    wants: (object: SliceObject) => boolean,
    response: ServerResponse,
  ): void {
    if (this.watches === 'hang') return;
    const from = Number(params.resourceVersion);
    const gone = status(410, `too old resource version: ${from} (${this.oldest})`);
    const isGone = from < this.oldest || this.watches === 'gone';
    if (isGone && this.goneAs === 'status') {
      answer(response, 410, gone);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (this.watches === 'end') {
      response.end();
      return;
    }
    if (isGone) {
      send(response, 'ERROR', gone);
      response.end();
      return;
    }
    for (const { version, type, object } of this.history) {
      if (version > from && wants(object)) send(response, type, object);
    }
    const open = { response, wants, bookmarks: params.allowWatchBookmarks === 'true' };
    this.open.add(open);
    const timer = setTimeout(() => response.end(), Number(params.timeoutSeconds ?? 1_800) * 1_000);
    response.on('close', () => {
      clearTimeout(timer);
      this.open.delete(open);
    });
  }

  private happened(type: EventType, key: string, slice: SliceObject): void {
    const version = ++this.version;
    const object = { ...slice, metadata: { ...slice.metadata, resourceVersion: String(version) } };
    if (type === 'DELETED') this.objects.delete(key);
    else this.objects.set(key, object);
    this.history.push({ version, type, object });
    for (const { response, wants } of this.open) if (wants(object)) send(response, type, object);
  }
}

interface SliceOptions {
  readonly port?: number;
  readonly service?: string;
  readonly addressType?: string;
  readonly ports?: unknown;
}

/** A slice of the service `orders` in the namespace `shop`, with the port `tcp`. */
export function slice(
  name: string,
  endpoints: unknown,
  { port = 4_001, service = 'orders', addressType = 'IPv4', ports }: SliceOptions = {},
): SliceObject {
  return {
    metadata: { name, namespace: 'shop', labels: { [SERVICE_LABEL]: service } },
    addressType,
    endpoints,
    ports: ports ?? [{ name: 'tcp', port, protocol: 'TCP' }],
  };
}

/** A pod that is ready, as the controller writes it. */
export function pod(
  address: string,
  conditions: object = { ready: true, serving: true, terminating: false },
  name = `orders-${address}`,
): object {
  return {
    addresses: [address],
    conditions,
    nodeName: 'worker-1',
    zone: 'eu-1a',
    targetRef: { kind: 'Pod', namespace: 'shop', name, uid: `uid-${name}` },
  };
}

export const TERMINATING = { ready: false, serving: true, terminating: true };
export const NOT_READY = { ready: false, serving: false, terminating: false };

function selector(namespace: string, labels = ''): (object: SliceObject) => boolean {
  const [label = '', value] = labels.split('=');
  return ({ metadata }) =>
    metadata.namespace === namespace && (label === '' || metadata.labels[label] === value);
}

function status(code: number, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code };
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function send(response: ServerResponse, type: string, object: object): void {
  response.write(
    `${JSON.stringify({ type, object: { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', ...object } })}\n`,
  );
}

function certificate(part: 'cert' | 'key', pair: Pair = 'test-only'): string {
  const url = new URL(`../../fixtures/tls/${pair}.${part}.pem`, import.meta.url);
  return readFileSync(fileURLToPath(url), 'utf8');
}
