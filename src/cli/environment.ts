import { resolve } from 'node:path';
import { createRedactor, type Redactor } from '../base/redact.js';
import { type StateDirectory, stateDirectory } from '../engine/state-directory.js';
import { cacheDirectory } from '../setup/cache-directory.js';
import { packageVersion } from './version.js';

/** What the process was started with, read in one place: below the command line nobody looks at argv, env or cwd. */
export interface CliEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly state: StateDirectory;
  /** Python environments and other things that outlive a project. */
  readonly cache: string;
  readonly redact: Redactor;
  readonly version: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export function readEnvironment(): CliEnvironment {
  const variables = process.env;
  const workingDirectory = process.cwd();
  return {
    variables,
    workingDirectory,
    state: stateDirectory(resolve(workingDirectory, variables.SECPI_HOME || '.secpi')),
    cache: cacheDirectory(variables),
    redact: createRedactor(variables),
    version: packageVersion(),
    stdout: process.stdout,
    stderr: process.stderr,
  };
}
