import { CustomClassTransport } from './custom-class-transport.js';
import type { NodeTransport, TransportListener } from './node-transport.js';
import { TcpTransport } from './tcp-transport.js';
import type { TransportSettings } from './transport-settings.js';

/** One new connection to a node, by the class that the settings ask for. */
export function openTransport(settings: TransportSettings, listener: TransportListener): NodeTransport {
  return settings.customClass
    ? new CustomClassTransport(settings, listener)
    : new TcpTransport(settings, listener);
}
