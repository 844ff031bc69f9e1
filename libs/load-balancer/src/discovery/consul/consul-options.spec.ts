import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../../errors.js';
import { ConsulRegistrar } from './consul.registrar.js';
import { ConsulResolver } from './consul.resolver.js';

describe('the options of ConsulResolver and ConsulRegistrar', () => {
  it.each<[unknown, string[]]>([
    [{ tokn: 's3cret' }, ['tokn: unknown option; did you mean "token"?']],
    [
      { token: 5, tls: 'yes' },
      [
        'token: expected a string that is not empty, got 5',
        'tls: expected true, false or TLS options, got a string',
      ],
    ],
    [{ token: '' }, ['token: expected a string that is not empty, got an empty string']],
    [
      { tls: { cat: 's3cret', key: 5, rejectUnauthorized: 's3cret' } },
      [
        'tls.cat: unknown option; did you mean "ca"?',
        'tls.key: expected a string that is not empty, a Buffer or a list of them, got 5',
        'tls.rejectUnauthorized: expected true or false, got a string',
      ],
    ],
  ])('may not be %j', (options, problems) => {
    for (const Kind of [ConsulResolver, ConsulRegistrar]) {
      const make = () => new Kind(options as never);
      expect(make).toThrow(InvalidOptionsError);
      for (const problem of problems) expect(make).toThrow(`${Kind.name}.${problem}`);
      expect(make).not.toThrow(/s3cret/);
    }
  });

  it.each([
    {},
    { token: undefined, tls: false },
    { token: 't', tls: { ca: Buffer.from('x'), cert: 'y', key: ['z'], servername: 'consul' } },
  ])('may be %j', (options) => {
    expect(() => [new ConsulResolver(options as never), new ConsulRegistrar(options as never)]).not.toThrow();
  });

  it('may not be something else altogether', () => {
    expect(() => new ConsulResolver('s3cret' as never)).toThrow(
      'ConsulResolver: expected an object, got a string',
    );
  });
});
