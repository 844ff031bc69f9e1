import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'libs/load-balancer/package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string }>;
  files: string[];
};
const entries = Object.entries(manifest.exports).flatMap(([path, files]) =>
  typeof files === 'string'
    ? []
    : [[path.replace('.', 'nestjs-load-balancer'), files.types.replace('./', '')]],
);

/** Where TypeScript finds the types of a module in an application that has the library installed, built or not. */
function typesOf(module: string, moduleResolution: ts.ModuleResolutionKind): string | undefined {
  const installed = '/app/node_modules/nestjs-load-balancer/';
  const { resolvedModule } = ts.resolveModuleName(
    module,
    '/app/main.ts',
    { moduleResolution, module: ts.ModuleKind.NodeNext },
    {
      fileExists: (file) =>
        file === `${installed}package.json` || entries.some(([, types]) => file === `${installed}${types}`),
      readFile: () => JSON.stringify(manifest),
    },
  );
  return resolvedModule?.resolvedFileName.replace(installed, '');
}

describe('the package', () => {
  // `node10` is what Nest's own tsconfig ("module": "commonjs") means up to TypeScript 5; it knows no `exports`.
  it.each(['Node10', 'Node16', 'Bundler'] as const)('has the types of each export for %s', (kind) => {
    expect(entries.length).toBeGreaterThan(1);
    const found = entries.map(([module = '']) => [module, typesOf(module, ts.ModuleResolutionKind[kind])]);
    expect(found).toEqual(entries);
  });

  it('ships every file that its README links to', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
    expect(links).toContain('docs/tour.svg');
    const dead = links.filter(
      (link) => !existsSync(join(root, link)) || !manifest.files.includes(link.split('/')[0] ?? ''),
    );
    expect(dead).toEqual([]);
  });
});
