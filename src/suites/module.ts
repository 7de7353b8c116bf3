import type * as z from 'zod';
import type { Sha256 } from '../base/hash.js';
import type { Suite } from './suite.js';

/** What a suite may reach when it is loaded. */
export interface SuiteFiles {
  /** An absolute path where benchmarks are kept that were fetched once. */
  readonly cacheFolder: string;
}

/** What setting a suite up is told, besides where its files are. */
export interface SuiteSetUp extends SuiteFiles {
  /** What programs are started with that fetch one: `PATH`, proxies. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Where to take it from instead of its own place: an address, or an absolute path. */
  readonly source: string | undefined;
  /** Progress, one line at a time. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A kind of suite: how a recipe speaks of it, and how one is made. Adding one = its folder and a line in `registry.ts`. */
export interface SuiteModule<Options> {
  /** What a recipe may say about it, all of it with defaults or all of it required. */
  readonly options: z.ZodType<Options>;
  /** Packs that judging takes; none where it is not said. */
  readonly packs?: readonly string[];
  /** What `Suite.digest` will be, without the work of loading it. */
  digest(options: Options, files: SuiteFiles): Promise<Sha256>;
  /** @throws SecpiError `suites/not-set-up` for one that has to be fetched first: only `setUp.run` reaches out. */
  load(name: string, options: Options, files: SuiteFiles): Promise<Suite>;
  /** Absent where nothing has to be set up. */
  readonly setUp?: {
    /** Paths that are there once it is done. */
    makes(options: Options, files: SuiteFiles): readonly string[];
    /** Fetches it and makes what judging it takes. Gives what a person should know of what was made. */
    run(options: Options, use: SuiteSetUp): Promise<readonly string[]>;
  };
}
