import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';

/** Pages of the repository: what stands at its top, and every page below the folders that have some. */
const pages = [
  ...readdirSync(packageRoot).filter((name) => name.endsWith('.md')),
  ...['docs', 'docker', 'bench', 'trainers'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

/** Folders whose files a page may name in code style; what it says of them has to be there. */
const namedPath = /^(?:src|bin|docs|docker|bench|scripts|tests|trainers|catalogue|recipes|\.ci)\/[\w./-]+$/;

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(packageRoot, page), 'utf8');

  it('links only to what is there', () => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const local = targets.filter((target) => !/^[a-z]+:/.test(target));
    const broken = local.filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(packageRoot, page) : join(packageRoot, dirname(page), path);
      return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it('names only files that are there', () => {
    const named = [...text.matchAll(/`([^`\s]+)`/g)]
      .map(([, path = '']) => path)
      .filter((path) => namedPath.test(path));
    // In the page of the trainers, paths are those of its own folder as well.
    const missing = named.filter(
      (path) => !existsSync(join(packageRoot, path)) && !existsSync(join(packageRoot, dirname(page), path)),
    );
    expect(missing.map((path) => relative('.', path))).toEqual([]);
  });
});

/** Headings of a page as the places a link can go to. */
function anchorsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}
