import { describe, expect, it } from '@jest/globals';
import { readSettings } from './settings.js';

describe('readSettings', () => {
  it('has defaults', () => {
    expect(readSettings({})).toEqual({ host: '127.0.0.1', port: 3000 });
  });

  it('takes what the environment says', () => {
    expect(readSettings({ HOST: '0.0.0.0', PORT: '80' })).toEqual({ host: '0.0.0.0', port: 80 });
  });

  it.each(['', 'abc', '0', '65536', '-1', '3000.5'])('refuses the port "%s"', (PORT) => {
    expect(() => readSettings({ PORT })).toThrow(`PORT: expected an integer from 1 to 65535, got "${PORT}"`);
  });

  it('refuses an empty host', () => {
    expect(() => readSettings({ HOST: '' })).toThrow('HOST: expected an address');
  });
});
