// The build: bundles `src/cli/main.ts` and everything it imports into `dist/cli`. To load hundreds of small files is most of what a run
// without work would spend; what is imported only when it is needed stays in files of its own. The server of a sandbox, which is brought
// to other machines. And the catalogue, which is quicker read as JSON. Types are checked elsewhere.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'dist', 'cli');
const stamp = join(root, 'dist', '.built');
const servedSandbox = join(root, 'dist', 'serve-sandbox.mjs');
/** A run that was started from an earlier build still loads what it needs from it; that long it may. */
const KEPT_MS = 30 * 86_400_000;

const catalogue = join(root, 'catalogue', 'cwe');
const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .concat(
    readdirSync(catalogue)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => join(catalogue, name)),
  );
const hash = createHash('sha256');
for (const file of [import.meta.filename, join(root, 'package-lock.json'), ...sources.sort()]) {
  hash
    .update(`${file.slice(root.length)}\0`)
    .update(readFileSync(file))
    .update('\0');
}
const wanted = hash.digest('hex');

if (builtFrom() !== wanted) {
  const { build } = await import('esbuild');
  const bundled = async (options) =>
    (
      await build({
        absWorkingDir: root,
        write: false,
        bundle: true,
        format: 'esm',
        platform: 'node',
        target: 'node20',
        // Lines and names stay: the stack of a bug in somebody's journal must say something.
        minify: false,
        legalComments: 'none',
        logLevel: 'warning',
        // Bundled CommonJS packages ask for Node's own modules in their way.
        banner: {
          js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
        },
        ...options,
      })
    ).outputFiles;
  // One file, because it is brought to other machines; by its content's name, because a run that began before this build asks it in its own way.
  const [server] = await bundled({ entryPoints: ['src/cli/serve-sandbox.ts'], outfile: servedSandbox });
  const name = `serve-sandbox-${server.hash.replaceAll(/[^A-Za-z0-9]/g, '')}.mjs`;
  const outputFiles = [
    { path: join(folder, name), contents: server.contents },
    ...(await bundled({
      entryPoints: ['src/cli/main.ts'],
      outdir: folder,
      splitting: true,
      define: { SERVE_SANDBOX: JSON.stringify(`cli/${name}`) },
    })),
  ];
  mkdirSync(folder, { recursive: true });
  // The names of all but `main.js` follow from their content, so nothing that a running process needs is written over.
  const last = (file) => basename(file.path) === 'main.js';
  for (const file of outputFiles.toSorted((a, b) => Number(last(a)) - Number(last(b)))) write(file);
  const current = new Set(outputFiles.map(({ path }) => basename(path)));
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!current.has(name) && statSync(path).mtimeMs < Date.now() - KEPT_MS) rmSync(path, { recursive: true });
  }
  // For whoever runs the sources.
  write(server);
  copyGrammars();
  await compileCatalogue(bundled);
  writeFileSync(stamp, wanted);
}

/** What reads code cannot be bundled. Files that nobody loads (languages of other editors) stay behind. */
function copyGrammars() {
  const from = join(root, 'node_modules', '@vscode', 'tree-sitter-wasm');
  const to = join(root, 'dist', 'grammars');
  const unused = ['css', 'ini', 'powershell', 'regex'].map((name) => `tree-sitter-${name}.wasm`);
  for (const name of [
    'package.json',
    'LICENSE',
    ...readdirSync(join(from, 'wasm')).map((file) => join('wasm', file)),
  ]) {
    if (unused.includes(basename(name))) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    write({ path: join(to, name), contents: readFileSync(join(from, name)) });
  }
}

/** A mistake in it is left to whoever reads it, who says where it is. */
async function compileCatalogue(bundled) {
  const [compiler] = await bundled({
    entryPoints: ['src/security/catalogue.ts'],
    outfile: join(folder, 'compiler.mjs'),
  });
  const path = join(folder, `compiler-${randomBytes(4).toString('hex')}.mjs`);
  write({ path, contents: compiler.contents });
  const file = join(root, 'dist', 'catalogue.json');
  try {
    const module = await import(pathToFileURL(path));
    write({ path: file, contents: JSON.stringify(module.compileCatalogue()) });
  } catch (error) {
    process.stderr.write(`The catalogue is not compiled: ${error.message}\n`);
    rmSync(file, { force: true });
  } finally {
    rmSync(path);
  }
}

function write({ path, contents }) {
  const unfinished = `${path}.${randomBytes(4).toString('hex')}.unfinished`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}

function builtFrom() {
  try {
    for (const file of [join(folder, 'main.js'), servedSandbox]) statSync(file);
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
}
