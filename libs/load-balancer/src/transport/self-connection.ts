import type { Socket } from 'node:net';

/**
 * Why such a connection is none: it would echo every request, which looks like an answer, and keep the node's port from
 * the node itself.
 */
export const SELF_CONNECTED = 'connected to itself: nothing listens there';

/**
 * Has the socket connected to its own port? TCP allows that (a simultaneous open), and it comes about by chance when nothing
 * listens on a port of this machine from which outgoing connections are made, too. Go's `net.Dial` looks out for the same.
 */
export function isSelfConnected({ localPort, localAddress, remotePort, remoteAddress }: Socket): boolean {
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;
}
