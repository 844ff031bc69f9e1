import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

const lib = 'libs/load-balancer/src';

/**
 * Which folders of the library each folder may import. What is not listed is refused, so the direction
 * of imports stays as CONTRIBUTING.md draws it: module → client → {discovery, health, transport, context} →
 * cluster → {strategies, resilience}.
 */
const mayImport = {
  strategies: [],
  resilience: [],
  cluster: ['strategies'],
  telemetry: ['cluster'],
  context: ['resilience'],
  transport: ['cluster', 'resilience', 'telemetry'],
  discovery: ['cluster', 'telemetry', 'resilience'],
  server: ['cluster', 'context', 'discovery', 'module', 'resilience', 'telemetry', 'transport'],
  client: [
    'cluster',
    'strategies',
    'resilience',
    'discovery',
    'health',
    'transport',
    'context',
    'telemetry',
    'module',
  ],
  health: ['client', 'cluster', 'transport', 'module', 'server', 'telemetry'],
  module: ['client', 'cluster', 'strategies', 'resilience', 'discovery', 'context', 'transport', 'telemetry'],
  // It drives all the others, and none of them knows of it.
  testing: [
    'client',
    'cluster',
    'context',
    'discovery',
    'module',
    'resilience',
    'server',
    'strategies',
    'telemetry',
    'transport',
  ],
};
const folders = Object.keys(mayImport);
/** No Nest, no sockets, no timers, no clock and no chance of their own: they run in virtual time. */
const pure = ['strategies', 'resilience', 'cluster'];
/** Nor may what is simulated read a clock: it would not give the same result twice. */
const inVirtualTime = [...pure, 'testing/simulation'];

const importRules = folders.map((folder) => {
  const refused = folders.filter((other) => other !== folder && !mayImport[folder].includes(other));
  const patterns = refused.length
    ? [
        {
          regex: `^(\\.\\./)+(${refused.join('|')})/`,
          message: `${folder}/ must not import from there (see CONTRIBUTING.md)`,
        },
      ]
    : [];
  if (pure.includes(folder)) {
    patterns.push({
      regex: '^(@nestjs/|node:|rxjs)',
      message: `${folder}/ is pure: no Nest, no I/O, no rxjs`,
    });
  }
  return {
    files: [`${lib}/${folder}/**/*.ts`],
    ignores: ['**/*.spec.ts', '**/*.spec.fixture.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  };
});

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'coverage/', 'docs/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.cts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Nest types its options as classes, so every `NestFactory.create(…, {…})` would trip it.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `x as T` where the reason is an invariant, since `x!` is refused.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
    },
  },
  ...importRules,
  {
    files: [`${lib}/**/*.ts`],
    ignores: ['**/*.spec.ts', '**/*.spec.fixture.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "MetaProperty[meta.name='import']",
          message:
            'the Jest of a CommonJS project compiles the library to CommonJS, where import.meta is a syntax error',
        },
      ],
    },
  },
  {
    files: inVirtualTime.map((folder) => `${lib}/${folder}/**/*.ts`),
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'performance',
        'process',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'the clock is passed in' },
        { object: 'Math', property: 'random', message: 'the random is passed in' },
      ],
    },
  },
  {
    files: ['**/*.spec.ts', '**/*.spec.fixture.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        setImmediate: 'readonly',
        performance: 'readonly',
        fetch: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
      },
    },
  },
);
