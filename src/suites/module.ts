import type * as z from 'zod';
import type { Sha256 } from '../base/hash.js';
import type { Suite } from './suite.js';

/** What a suite may reach when it is loaded. */
export interface SuiteFiles {
  /** An absolute path where benchmarks are kept that were fetched once. */
  readonly cacheFolder: string;
  /** What programs are started with that fetch one: `PATH`, proxies. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

/** A kind of suite: how a recipe speaks of it, and how one is made. Adding one = its folder and a line in `registry.ts`. */
export interface SuiteModule<Options> {
  /** What a recipe may say about it, all of it with defaults or all of it required. */
  readonly options: z.ZodType<Options>;
  /** What `Suite.digest` will be, without the work of loading it. */
  digest(options: Options, files: SuiteFiles): Promise<Sha256>;
  load(name: string, options: Options, files: SuiteFiles): Promise<Suite>;
}
