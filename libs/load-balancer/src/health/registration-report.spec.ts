import { describe, expect, it } from '@jest/globals';
import type { RegistrationSnapshot } from '../server/registration/registration-keeper.js';
import { healthReport, missingRegistrations } from './health-report.js';

const REGISTERED: RegistrationSnapshot = {
  service: 'orders',
  target: 'etcd://10.0.0.9:2379/orders',
  state: 'registered',
  address: '10.0.0.1:4001',
  since: new Date('2026-01-31T09:00:00Z'),
  error: undefined,
  hasBeenRegistered: true,
};

describe('registrations in the health report', () => {
  it('are listed, and left out where there are none', () => {
    expect(healthReport([], [REGISTERED])).toEqual({
      status: 'up',
      services: {},
      registrations: [
        {
          service: 'orders',
          target: 'etcd://10.0.0.9:2379/orders',
          state: 'registered',
          address: '10.0.0.1:4001',
          since: '2026-01-31T09:00:00.000Z',
        },
      ],
    });
    expect(healthReport([], [])).toEqual({ status: 'up', services: {} });
  });

  it('keep a process unready until the first time, and not when they are lost later', () => {
    const never: RegistrationSnapshot = {
      ...REGISTERED,
      state: 'registering',
      error: 'connect ECONNREFUSED',
      hasBeenRegistered: false,
    };
    const lost: RegistrationSnapshot = { ...REGISTERED, state: 'lost', error: 'its lease has run out' };
    expect(missingRegistrations([REGISTERED, never, lost])).toEqual([
      'orders: not registered in etcd://10.0.0.9:2379/orders yet: connect ECONNREFUSED',
    ]);
  });
});
