import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as treeSitter from '@vscode/tree-sitter-wasm';
import { packageRoot } from '../../../base/package-root.js';

/** Our names of languages, and the grammars that may read them: one that does is enough. C is read as C++; there is none of Kotlin and SQL. */
const GRAMMARS = {
  c: ['cpp'],
  cpp: ['cpp'],
  csharp: ['c-sharp'],
  go: ['go'],
  java: ['java'],
  javascript: ['javascript'],
  php: ['php'],
  python: ['python'],
  ruby: ['ruby'],
  rust: ['rust'],
  shell: ['bash'],
  typescript: ['typescript', 'tsx'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type ParsedLanguage = keyof typeof GRAMMARS;

/** Whether there is a grammar of that language. */
export function isParsed(language: string): language is ParsedLanguage {
  return Object.hasOwn(GRAMMARS, language);
}

/**
 * How much work a text may take, in reports of the parser: never a time, since what is kept must not depend on the machine. What people write
 * takes a few dozen.
 */
const MOST_REPORTS = 1000;

/** `@vscode/tree-sitter-wasm`: where npm puts it, or where the build does. */
const folder = ['node_modules/@vscode/tree-sitter-wasm', 'dist/grammars']
  .map((path) => join(packageRoot, path))
  .find((path) => existsSync(path));

/** Which grammars there are: they decide what becomes of a trace. */
export function grammarsVersion(): string {
  const { version } = JSON.parse(readFileSync(join(foundFolder(), 'package.json'), 'utf8')) as { version: string };
  return version;
}

function foundFolder(): string {
  if (folder === undefined) throw new TypeError('the package @vscode/tree-sitter-wasm is not there');
  return folder;
}

/** The first mistake that a parser finds, by its line from 1; `none`, or `unknown` where it was too much work or more than the parser stands. */
export type Mistake = { readonly line: number } | 'none' | 'unknown';

/** The parser of one language. */
export interface Grammar {
  firstMistake(text: string): Mistake;
}

type Module = typeof treeSitter;
type Parser = treeSitter.Parser;
type Language = treeSitter.Language;
const require = createRequire(import.meta.url);
let loaded: { readonly module: Module; readonly parser: Parser; readonly languages: Map<string, Language> } | undefined;

async function load() {
  if (loaded !== undefined) return loaded;
  const path = join(foundFolder(), 'wasm', 'tree-sitter.js');
  // A program that broke in its own memory cannot be used again: what is loaded after it is another one.
  delete require.cache[require.resolve(path)];
  const module = require(path) as Module;
  // It would say on the error output that it broke, which is handled.
  await module.Parser.init({
    locateFile: (file: string) => join(foundFolder(), 'wasm', file),
    printErr: () => undefined,
  } as Parameters<Module['Parser']['init']>[0]);
  loaded = { module, parser: new module.Parser(), languages: new Map() };
  return loaded;
}

/** The parsers of a language, ready to be used. */
export async function grammarsOf(language: ParsedLanguage): Promise<readonly Grammar[]> {
  const { module, parser, languages } = await load();
  const grammars: Grammar[] = [];
  for (const name of GRAMMARS[language]) {
    const known = languages.get(name);
    const grammar = known ?? (await module.Language.load(join(foundFolder(), 'wasm', `tree-sitter-${name}.wasm`)));
    languages.set(name, grammar);
    grammars.push({ firstMistake: (text) => firstMistake(parser, grammar, text) });
  }
  return grammars;
}

function firstMistake(parser: Parser, grammar: Language, text: string): Mistake {
  try {
    let reports = 0;
    parser.setLanguage(grammar);
    parser.reset();
    const progressCallback = () => {
      reports += 1;
      return reports > MOST_REPORTS;
    };
    const tree = parser.parse(text, null, { progressCallback });
    if (tree === null) return 'unknown';
    try {
      return tree.rootNode.hasError ? { line: lineOfError(tree.rootNode) } : 'none';
    } finally {
      tree.delete();
    }
  } catch {
    loaded = undefined;
    return 'unknown';
  }
}

type Node = treeSitter.Node;

/** Goes down to the first node with a mistake in it, without recursion: hostile text is nested as deep as it is long. */
function lineOfError(root: Node): number {
  let node = root;
  for (;;) {
    if (node.isError || node.isMissing) return node.startPosition.row + 1;
    const next = node.children.find((child) => child?.hasError || child?.isMissing);
    if (next === undefined || next === null) return node.startPosition.row + 1;
    node = next;
  }
}
