import path from 'node:path';
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const NODE = ['Buffer', 'URL', 'clearTimeout', 'console', 'fetch', 'process', 'setTimeout'];
const COMMONJS = ['__dirname', 'module', 'require'];
const readonly = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

export default defineConfig(
  {
    ignores: [
      '**/node_modules/',
      '**/target/',
      '**/.venv/',
      'cdk/lib/',
      'cdk/dist/',
      'cdk/test/build/',
      'cdk/test/integ/*.snapshot/',
      'example/dist/',
      'example/cdk.out/',
    ],
  },
  js.configs.recommended,
  {
    rules: { eqeqeq: 'error', 'no-var': 'error', 'object-shorthand': 'error', 'prefer-const': 'error' },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: readonly(NODE) },
  },
  {
    files: ['**/*.js'],
    languageOptions: { sourceType: 'commonjs', globals: readonly(COMMONJS) },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    rules: {
      // The compiler reports them, and accepts a leading underscore for parameters.
      '@typescript-eslint/no-unused-vars': 'off',
    },
  },
  {
    files: ['cdk/test/**/*.ts'],
    rules: {
      // Templates are JSON without types.
      '@typescript-eslint/no-explicit-any': 'off',
      // Copies of the library and files of other packages are loaded at run time.
      '@typescript-eslint/no-require-imports': 'off',
    },
  },
  {
    // Promises that nothing awaits hide failures.
    files: ['example/**/*.ts'],
    languageOptions: { parserOptions: { project: path.join(import.meta.dirname, 'example', 'tsconfig.json') } },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        // The test runner awaits its tests.
        { allowForKnownSafeCalls: [{ from: 'package', name: 'test', package: 'node:test' }] },
      ],
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
);
