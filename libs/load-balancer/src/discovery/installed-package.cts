import { createRequire } from 'node:module';

/**
 * Is this optional peer dependency there? Found out without loading it.
 *
 * It is looked for where `import()` of this library looks. This file is CommonJS to know where that is: `import.meta` is a
 * syntax error once a user's Jest has compiled the library to CommonJS.
 */
export function isInstalled(name: string): boolean {
  try {
    createRequire(__filename).resolve(name);
    return true;
  } catch (error) {
    // One that only `import` may load is there, too; and in a bundle nobody knows.
    return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND';
  }
}
