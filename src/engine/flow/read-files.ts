import type { Sha256 } from '../../base/hash.js';
import { type ArtifactReader, onlyFiles } from '../artifacts/artifact.js';
import type { StageDefinition } from '../stage.js';
import type { InputContent } from './fingerprint.js';

type Reading = Pick<StageDefinition<never, string, never>, 'reads'>;

/** What of an input decides a stage's bytes: the files that it names, or all of it. Throws `engine/no-such-output` where one is not there. */
export function contentRead({ reads }: Reading, name: string, input: ArtifactReader): InputContent {
  const files = reads?.[name];
  if (files === undefined) return input.manifest.digest;
  return Object.fromEntries(files.map((file): [string, Sha256] => [file, input.digest(file)]));
}

/** The inputs as a stage is given them: of those of which it names files, nothing else can be asked for. */
export function givenToRead<Input extends string>(
  { reads }: Reading,
  inputs: Readonly<Record<Input, ArtifactReader>>,
): Readonly<Record<Input, ArtifactReader>> {
  const given = Object.entries<ArtifactReader>(inputs).map(([name, input]) => {
    const files = reads?.[name];
    return [name, files === undefined ? input : onlyFiles(input, files)];
  });
  return Object.fromEntries(given) as Record<Input, ArtifactReader>;
}
