import { describe, expect, it } from '@jest/globals';
import { AdoptableSettings, offerSettings } from './adoptable-settings.js';
import { contextSettings, DEFAULT_CONTEXT_SETTINGS } from './context-settings.js';
import { decodeMetadata } from './metadata-codec.js';

const MODULE = contextSettings({ allow: ['x-tenant'], requestIdHeader: 'x-correlation-id' });

describe('the settings of a server that was given none', () => {
  it('are the defaults, until the module offers its own', () => {
    const settings = new AdoptableSettings();
    expect(settings.requestIdHeader).toBe(DEFAULT_CONTEXT_SETTINGS.requestIdHeader);
    expect(settings.keys).toBe(DEFAULT_CONTEXT_SETTINGS.keys);
    offerSettings({ contextSettings: settings }, MODULE);
    expect(settings).toMatchObject({
      requestIdHeader: MODULE.requestIdHeader,
      keys: MODULE.keys,
      maxKeyLength: MODULE.maxKeyLength,
      maxValueLength: MODULE.maxValueLength,
      maxTotalLength: MODULE.maxTotalLength,
    });
  });

  it('hold for a message that is being served, too, as long as nothing was asked of its context', () => {
    const settings = new AdoptableSettings();
    const context = decodeMetadata({ 'x-tenant': 't1' }, settings);
    offerSettings({ contextSettings: settings }, MODULE);
    expect(context.get('x-tenant')).toBe('t1');
  });

  it('are nothing that other transports, or servers with settings of their own, are bothered with', () => {
    const own = { ...DEFAULT_CONTEXT_SETTINGS };
    for (const rpcContext of [undefined, null, 'x', {}, { contextSettings: own }]) {
      expect(() => {
        offerSettings(rpcContext, MODULE);
      }).not.toThrow();
    }
    expect(own).toEqual(DEFAULT_CONTEXT_SETTINGS);
  });
});
