import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { clip } from '../base/clip.js';
import { SecpiError } from '../base/errors.js';
import type { Sha256 } from '../base/hash.js';
import { packageRoot } from '../base/package-root.js';
import { nearestName } from '../base/suggestion.js';
import { baxbenchModule } from './baxbench/baxbench-module.js';
import { cwevalModule } from './cweval/cweval-module.js';
import { evalplusModule } from './evalplus/evalplus-module.js';
import { filesModule } from './files/files-suite.js';
import { livecodebenchModule } from './livecodebench/livecodebench-module.js';
import type { SuiteFiles, SuiteModule, SuiteSetUp } from './module.js';
import type { Suite } from './suite.js';

/** Where a suite comes from: one key says of which kind it is. Adding a kind = its folder, a key here, and a line in `kindOf`. */
export const suiteOriginSchema = z
  .strictObject({
    /** A folder of problems: [how one is written](suites.md). */
    files: filesModule.options.optional(),
    /** CWEval: [how it is set up](cweval.md). */
    cweval: cwevalModule.options.optional(),
    /** HumanEval+ and MBPP+: [how they are set up](utility.md). */
    evalplus: evalplusModule.options.optional(),
    /** LiveCodeBench: [how it is set up](utility.md). */
    livecodebench: livecodebenchModule.options.optional(),
    /** BaxBench: [how it is set up](baxbench.md). */
    baxbench: baxbenchModule.options.optional(),
  })
  .refine((origin) => Object.keys(origin).length === 1, 'names exactly one kind of suite');
export type SuiteOrigin = z.infer<typeof suiteOriginSchema>;

/** Data, not code: the build does not copy it, so it is read from the package's folder. */
const bundledProblems = join(packageRoot, 'src', 'suites', 'mini', 'problems');

/** Suites that have a name of their own, which a recipe uses without saying where they come from. */
const KNOWN: Readonly<Record<string, { readonly origin: SuiteOrigin; readonly about: string }>> = {
  mini: {
    origin: { files: bundledProblems },
    about: '18 small problems in C, C++, Go, JavaScript and Python, which come with secpi',
  },
  cweval: {
    origin: { cweval: cwevalModule.options.parse({}) },
    about: "CWEval's 119 tasks in C, C++, Go, JavaScript and Python, by its own tests",
  },
  'humaneval-plus': {
    origin: { evalplus: evalplusModule.options.parse({ dataset: 'humaneval' }) },
    about: "HumanEval+: 164 Python problems with EvalPlus's tests",
  },
  'mbpp-plus': {
    origin: { evalplus: evalplusModule.options.parse({ dataset: 'mbpp' }) },
    about: "MBPP+: 378 Python problems with EvalPlus's tests",
  },
  livecodebench: {
    origin: { livecodebench: livecodebenchModule.options.parse({}) },
    about: 'LiveCodeBench v6: 175 contest problems of 2025 in Python',
  },
  baxbench: {
    origin: { baxbench: baxbenchModule.options.parse({}) },
    about: "BaxBench's 392 web apps in 14 frameworks, by its own tests in containers",
  },
};

/** Their names. */
export const KNOWN_SUITES: readonly string[] = Object.keys(KNOWN);

/** What a suite of that name is, in a few words; nothing of one that has no name of its own. */
export function aboutSuite(name: string): string {
  return Object.hasOwn(KNOWN, name) ? (KNOWN[name]?.about ?? '') : '';
}

/**
 * Loads a suite.
 * @throws SecpiError what is wrong with its problems.
 */
export async function loadSuite(name: string, origin: SuiteOrigin, files: SuiteFiles): Promise<Suite> {
  return kindOf(origin).load(name, files);
}

/** The digest of a suite, without the work of loading it. */
export async function suiteDigest(origin: SuiteOrigin, files: SuiteFiles): Promise<Sha256> {
  return kindOf(origin).digest(files);
}

/** The packs that judging it takes, without the work of loading it. */
export function suitePacks(origin: SuiteOrigin): readonly string[] {
  return kindOf(origin).packs;
}

/** Whether all is there that setting it up makes. */
export function isSetUp(origin: SuiteOrigin, files: SuiteFiles): boolean {
  const { setUp } = kindOf(origin);
  return setUp === undefined || setUp.makes(files).every((path) => existsSync(path));
}

/**
 * Makes what judging a suite takes. Gives what a person should know of it.
 * @throws SecpiError `suites/nothing-to-set-up`; what else is missing, or failed.
 */
export async function setUpSuite(name: string, origin: SuiteOrigin, use: SuiteSetUp): Promise<readonly string[]> {
  const { setUp } = kindOf(origin);
  if (setUp !== undefined) return setUp.run(use);
  const others = KNOWN_SUITES.filter((known) => kindOf(suiteOrigin(known, undefined)).setUp !== undefined);
  throw new SecpiError('suites/nothing-to-set-up', `there is nothing to set up for ${clip(name, 60)}`, {
    hint: `It can be used as it is. What has to be set up: ${others.join(', ')}.`,
    exitCode: 2,
  });
}

/**
 * Where a suite of that name comes from: as the recipe says, or by its own name.
 * @throws SecpiError `suites/unknown-suite` with the nearest name as a suggestion.
 */
export function suiteOrigin(name: string, given: SuiteOrigin | undefined): SuiteOrigin {
  const known = given ?? (Object.hasOwn(KNOWN, name) ? KNOWN[name]?.origin : undefined);
  if (known !== undefined) return known;
  const near = nearestName(name, KNOWN_SUITES);
  throw new SecpiError('suites/unknown-suite', `there is no suite called "${clip(name, 60)}"`, {
    hint: near === undefined ? `The suites are: ${KNOWN_SUITES.join(', ')}.` : `Did you mean "${near}"?`,
    exitCode: 2,
  });
}

/** What a kind of suite does, with the options that were given. */
function kindOf(origin: SuiteOrigin) {
  if (origin.files !== undefined) return bound(filesModule, origin.files);
  if (origin.cweval !== undefined) return bound(cwevalModule, origin.cweval);
  if (origin.evalplus !== undefined) return bound(evalplusModule, origin.evalplus);
  if (origin.livecodebench !== undefined) return bound(livecodebenchModule, origin.livecodebench);
  if (origin.baxbench !== undefined) return bound(baxbenchModule, origin.baxbench);
  throw new TypeError('a suite comes from somewhere');
}

function bound<Options>(module: SuiteModule<Options>, options: Options) {
  const { setUp } = module;
  return {
    packs: module.packs ?? [],
    load: (name: string, files: SuiteFiles) => module.load(name, options, files),
    digest: (files: SuiteFiles) => module.digest(options, files),
    setUp:
      setUp === undefined
        ? undefined
        : {
            makes: (files: SuiteFiles) => setUp.makes(options, files),
            run: (use: SuiteSetUp) => setUp.run(options, use),
          },
  };
}
