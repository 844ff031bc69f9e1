import { createRequire } from 'node:module';

/** What is wrong when a user of this optional peer dependency needs it, if anything. */
export function missingPackageProblem(user: string, name: string): string | undefined {
  return isInstalled(name) ? undefined : `${user} needs the package "${name}" (npm install ${name})`;
}

/**
 * Is this optional peer dependency there? Found out without loading it.
 *
 * It is looked for where `import()` of this library looks. This file is CommonJS to know where that is: `import.meta` is a
 * syntax error once a user's Jest has compiled the library to CommonJS.
 */
function isInstalled(name: string): boolean {
  try {
    createRequire(__filename).resolve(name);
    return true;
  } catch (error) {
    // One that only `import` may load is there, too; and in a bundle nobody knows.
    return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND';
  }
}
