import { isLoadBalancerError } from 'nestjs-load-balancer';
import { SettingsError } from '../settings.js';

/** What Node tells of an address that cannot be listened on. */
interface SystemError extends NodeJS.ErrnoException {
  address?: string;
  port?: number;
  hostname?: string;
}

/** One line for what the person who starts the app can put right; the whole error for what only we can. */
export function explainStartFailure(error: unknown): string {
  if (error instanceof SettingsError || isLoadBalancerError(error)) return error.message;
  const { code, address, port, hostname } = (error ?? {}) as Partial<SystemError>;
  switch (code) {
    case 'EADDRINUSE':
      return `PORT: ${address}:${port} is taken by another process; set PORT to a free one`;
    case 'EACCES':
      return `PORT: not allowed to listen on ${address}:${port}; set PORT to one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST: ${address ?? hostname} is not an address of this machine`;
    default:
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
