import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { oneLine } from '../../safe-text.js';

/** How the cluster is found; everything is optional. */
export interface KubernetesOptions {
  /**
   * The path of a kubeconfig file, or a `KubeConfig` of `@kubernetes/client-node`, such as one with an authenticator of your
   * own. By default as kubectl does it: `KUBECONFIG`, then `~/.kube/config`, then the service account of the pod.
   */
  readonly kubeconfig?: string | KubeConfig;
  /** A context of the kubeconfig; its current one by default. A target's `?context=` comes before it. */
  readonly context?: string;
}

/** The API server, as one kubeconfig or service account reaches it. */
export interface ClusterAccess {
  /** Without a slash at its end. */
  readonly server: string;
  /** Where services are looked up whose target names no namespace. */
  readonly namespace: string;
  /** Credentials, certificates and proxy for one request. What expires is fetched anew: each call asks again. */
  requestOptions(): Promise<RequestOptions>;
}

/**
 * Reads the kubeconfig, or the service account of the pod, with `@kubernetes/client-node`.
 *
 * @throws Error whose message holds nothing of what the file holds
 */
export async function openCluster(
  options: KubernetesOptions,
  targetContext: string | undefined,
): Promise<ClusterAccess> {
  const client = await import('@kubernetes/client-node');
  const config = load(new client.KubeConfig(), options);
  const context = targetContext ?? options.context;
  if (context !== undefined) config.setCurrentContext(context);
  const { server } = config.getCurrentCluster() ?? {};
  if (server === undefined) throw new Error(noCluster(config, context));
  if (!URL.canParse(server)) throw new Error('kubeconfig: the server of the cluster is not a URL');
  return {
    server: server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() ?? 'default',
    requestOptions: () => requestOptions(config),
  };
}

/** @param config an empty one, to be filled */
function load(config: KubeConfig, { kubeconfig }: KubernetesOptions): KubeConfig {
  // A copy, since the context is set on it; the authenticators are shared, and so are the tokens that they keep.
  if (typeof kubeconfig === 'object') return Object.assign(config, kubeconfig);
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw refusal('kubeconfig', error);
  }
  if (kubeconfig === undefined && config.getCurrentContext() === FALLBACK) {
    throw new Error(
      'no cluster is configured: KUBECONFIG is not set, and there is neither ~/.kube/config nor a service account of a pod',
    );
  }
  return config;
}

/** The context that the client makes up when it finds nothing: http://localhost:8080, where nobody serves the API any more. */
const FALLBACK = 'loaded-context';

function noCluster(config: KubeConfig, context: string | undefined): string {
  const names = config.getContexts().map(({ name }) => name);
  const shown = oneLine(names.length > 0 ? `it has ${names.join(', ')}` : 'it has none', 160);
  return context === undefined
    ? `kubeconfig: its current context names no cluster (contexts: ${shown})`
    : `kubeconfig: there is no context "${oneLine(context, 60)}" with a cluster (${shown})`;
}

async function requestOptions(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    throw refusal('credentials', error);
  }
  return options;
}

/**
 * Parsers quote what they stumble over, which may be a token or a key: of their errors only the place is told, and none is
 * passed on as a cause. Errors of the system name a path, and those of the client an entry.
 */
function refusal(what: string, error: unknown): Error {
  return new Error(`${what}: ${reasonOf(error)}`);
}

function reasonOf(error: unknown): string {
  const { name, message, mark } = error as Error & { mark?: { line?: unknown } };
  if (typeof mark?.line === 'number') return `not valid YAML (line ${mark.line + 1})`;
  return name === 'SyntaxError' || name === 'TypeError' ? 'not in the expected form' : oneLine(message, 200);
}
