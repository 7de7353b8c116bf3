import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { ArtifactReader } from '../../../../engine/artifacts/artifact.js';
import { KNOWN_MODELS } from './known-models.js';

/** The model that is tuned, as the recipe gives it. */
export interface TunedModel {
  readonly model: string;
  readonly folder?: string | undefined;
  readonly tiny?: object | undefined;
}

/**
 * The model's `config.json`: of the base itself where that is there, of the folder that it will be copied from, or from a table of known models.
 * Asks nobody. Undefined where nothing is known yet.
 */
export async function baseConfig(
  { model, folder, tiny }: TunedModel,
  base: ArtifactReader | undefined,
): Promise<unknown> {
  if (base !== undefined) return base.json('model/config.json', z.unknown());
  if (folder !== undefined) return JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  return tiny === undefined ? KNOWN_MODELS.get(model) : undefined;
}
