import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Who is at the other end of the connection that a request came over: behind a proxy, the proxy. */
export interface Peer {
  /** IP address; `undefined` when the connection was gone before it could be read. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** Only for connections over TLS. */
  readonly tls: PeerTls | undefined;
}

interface PeerTls {
  /**
   * Did the peer show a certificate that one of the trusted authorities signed? Otherwise `subject` proves
   * nothing.
   */
  readonly authorized: boolean;
  /** The subject of its certificate (`{ CN: 'gateway', O: 'Acme' }`); `undefined` when it showed none. */
  readonly subject: Readonly<Record<string, string | readonly string[]>> | undefined;
}

/** Reading a certificate is dear, and none of this changes while a connection lives. */
const known = new WeakMap<Socket, Peer>();

/** Reads the peer of a connection once, and remembers it. */
export function peerOf(socket: Socket): Peer {
  let peer = known.get(socket);
  if (!peer) {
    peer = Object.freeze({ address: socket.remoteAddress, port: socket.remotePort, tls: tlsOf(socket) });
    known.set(socket, peer);
  }
  return peer;
}

function tlsOf(socket: Socket): PeerTls | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  // `null` once the connection is gone, an empty object when the peer showed no certificate: Node's types know
  // of neither.
  const certificate = socket.getPeerCertificate() as { subject?: object } | null;
  const subject = certificate?.subject;
  return Object.freeze({
    authorized: socket.authorized,
    subject: subject ? Object.freeze({ ...subject }) : undefined,
  });
}
