import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from 'nestjs-load-balancer';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { SettingsError } from '../settings.js';
import { explainStartFailure } from './start-failure.js';

/** What really happens when one listens there. */
async function failureOfListening(port: number, host: string): Promise<unknown> {
  const server: Server = createServer();
  return new Promise((resolve) => server.once('error', resolve).listen(port, host));
}

describe('explainStartFailure', () => {
  it('names the port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    expect(explainStartFailure(await failureOfListening(port, '127.0.0.1'))).toBe(
      `PORT: 127.0.0.1:${port} is taken by another process; set PORT to a free one`,
    );
    holder.close();
  });

  it('names the address that is not of this machine', async () => {
    expect(explainStartFailure(await failureOfListening(4001, '192.0.2.1'))).toBe(
      'HOST: 192.0.2.1 is not an address of this machine',
    );
  });

  it('says no more than the message of a wrong setting or option', () => {
    expect(explainStartFailure(new SettingsError('PORT: expected …'))).toBe('PORT: expected …');
    const wrong = new InvalidOptionsError([{ path: 'LB_TARGET_CITIES', message: 'unknown scheme' }]);
    expect(explainStartFailure(wrong)).toBe('LB_TARGET_CITIES: unknown scheme');
  });

  it('keeps the stack of what nobody foresaw', () => {
    expect(explainStartFailure(new TypeError('x is not a function'))).toContain('start-failure.spec');
  });
});
