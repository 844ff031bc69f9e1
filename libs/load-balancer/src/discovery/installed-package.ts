import { createRequire } from 'node:module';

/** Is this optional peer dependency there? Found out without loading it. */
export function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch (error) {
    // One that only `import` may load is there, too.
    return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND';
  }
}
