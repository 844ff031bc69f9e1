import { describe, expect, it } from '@jest/globals';
import { environmentNames, environmentVariable, readEnvironment } from './environment.js';

const TARGET = 'static:///h:1';

describe('readEnvironment', () => {
  it('declares a service for a variable that matches none', () => {
    expect(
      readEnvironment({ LB_TARGET_USER_PROFILE: TARGET, PATH: '/bin', LB_TARGET_X: undefined }, ['orders']),
    ).toEqual({
      targets: [{ service: 'user-profile', variable: 'LB_TARGET_USER_PROFILE', target: TARGET }],
      problems: [],
    });
  });

  it.each(['user-profile', 'userProfile', 'UserProfile', 'user.profile', 'USER_PROFILE'])(
    'finds the configured service %s, whatever its case and punctuation',
    (name) => {
      expect(environmentNames({ LB_TARGET_USER_PROFILE: TARGET }, ['orders', name])).toEqual([name]);
      expect(environmentNames({ [environmentVariable(name)]: TARGET }, [name])).toEqual([name]);
    },
  );

  it('takes several targets with "|" between them for an order of fallback', () => {
    const { targets } = readEnvironment(
      { LB_TARGET_A: `${TARGET},i:1 | dns:///a.b:1`, LB_TARGET_B: 'c|' },
      [],
    );
    expect(targets.map(({ target }) => target)).toEqual([
      [`${TARGET},i:1 `, ' dns:///a.b:1'],
      ['c', ''],
    ]);
  });

  it('leaves alone what matches no service when it may not declare any', () => {
    const env = { LB_TARGET_ORDERS: TARGET, LB_TARGET_OTHER: '' };
    expect(readEnvironment(env, ['orders'], false)).toMatchObject({
      targets: [{ service: 'orders' }],
      problems: [],
    });
  });

  it.each([
    [
      { LB_TARGET_ORDERS: ' ' },
      'LB_TARGET_ORDERS',
      'expected a target such as static:///10.0.0.1:4001, got nothing; unset it if none is meant',
    ],
    [{ LB_TARGET_: TARGET }, 'LB_TARGET_', 'expected the name of a service after LB_TARGET_'],
    [
      { LB_TARGET_A_B: TARGET, LB_TARGET_AB: TARGET },
      'LB_TARGET_A_B',
      'means the same service as LB_TARGET_AB; set only one of them',
    ],
    [
      { LB_TARGET_USER: TARGET },
      'LB_TARGET_USER',
      'means each of the services user, User; rename all but one',
    ],
  ])('reports %j', (env, path, message) => {
    expect(readEnvironment(env, ['user', 'User']).problems).toEqual([{ path, message }]);
  });

  it('does not mind services that share a variable which is not set', () => {
    expect(readEnvironment({}, ['user', 'User'])).toEqual({ targets: [], problems: [] });
  });
});

describe('environmentVariable', () => {
  it.each([
    ['orders', 'LB_TARGET_ORDERS'],
    ['user-profile', 'LB_TARGET_USER_PROFILE'],
    ['userProfile2', 'LB_TARGET_USER_PROFILE2'],
  ])('names the variable of %s', (service, variable) => expect(environmentVariable(service)).toBe(variable));
});
