const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      keepClassNames: true,
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  },
];

const commonJs = ['@swc/jest', { ...swc[1], module: { type: 'commonjs' } }];

const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': swc, '^.+\\.cts$': commonJs },
  modulePathIgnorePatterns: ['/dist/'],
  moduleNameMapper: {
    '^nestjs-load-balancer$': '<rootDir>/libs/load-balancer/src/index.ts',
    '^nestjs-load-balancer/([a-z-]+)$': '<rootDir>/libs/load-balancer/src/$1.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^(\\.{1,2}/.*)\\.cjs$': '$1.cts',
  },
};

/**
 * Four projects: `unit` runs beside the sources; `e2e` runs real processes, sockets and servers; so does `registries`, with
 * registries and name servers among them; and so does `faults`, under load, so that its specs must run one after the other.
 */
export default {
  testTimeout: 30_000,
  testSequencer: '<rootDir>/test/support/slow-first.mjs',
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/{libs,apps}/**/*.spec.ts'] },
    {
      ...base,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.mjs',
    },
    {
      ...base,
      displayName: 'registries',
      testMatch: ['<rootDir>/test/registries/**/*.registry-spec.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.mjs',
    },
    {
      ...base,
      displayName: 'faults',
      testMatch: ['<rootDir>/test/faults/**/*.fault-spec.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.mjs',
    },
  ],
};
