import type { Socket } from 'node:net';
import type { ContextSettings } from './context-settings.js';
import { decodeMetadata } from './metadata-codec.js';
import type { Peer } from './peer.js';
import { peerOf } from './peer.js';
import type { RequestContext } from './request-context.js';

/** What may be found on an RPC context. Nest 11 has no metadata, other transports neither that nor a socket. */
interface RpcContextLike {
  getMetadata?: () => unknown;
  getSocketRef?: () => { netSocket?: Socket } | undefined;
}

/**
 * The context of a message, out of what its transport tells: metadata on Nest 12's TCP and Redis, nothing on
 * the others, which get a fresh one.
 */
export function openRpcContext(rpcContext: unknown, settings: ContextSettings): RequestContext {
  const known = typeof rpcContext === 'object' && rpcContext !== null ? (rpcContext as RpcContextLike) : {};
  const context = decodeMetadata(metadataOf(known), settings, rpcPeerOf(known));
  context.retryUnknown = typeof known.getMetadata !== 'function';
  return context;
}

function metadataOf(rpcContext: RpcContextLike): unknown {
  return typeof rpcContext.getMetadata === 'function' ? rpcContext.getMetadata() : undefined;
}

function rpcPeerOf(rpcContext: RpcContextLike): Peer | undefined {
  const socket =
    typeof rpcContext.getSocketRef === 'function' ? rpcContext.getSocketRef()?.netSocket : undefined;
  return socket ? peerOf(socket) : undefined;
}
