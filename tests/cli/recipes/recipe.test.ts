import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { readMembers } from '../../../src/cli/recipes/recipe.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

it('finds members by their values as these stand in the recipe, and no others', async () => {
  await using folder = await temporaryFolder();
  const recipe = {
    extends: join(packageRoot, 'recipes', 'quickstart.yaml'),
    matrix: { 'train.learning_rate': [1e-4, 5e-5], 'train.dtype': ['float32', 'bfloat16'], seed: [1, 2] },
  };
  // JSON is YAML.
  await writeFile(join(folder.path, 'r.yaml'), JSON.stringify(recipe));
  const named = async (...member: readonly string[]) => {
    const members = await readMembers('r.yaml', { set: [], member }, { variables: {}, workingDirectory: folder.path });
    return members.map((one) => one.member);
  };
  const name = 'train.learning_rate=0.00005,train.dtype=bfloat16,seed=2';
  for (const number of ['0.00005', '5.0e-5', '5E-5', '.00005']) {
    expect(await named(`train.learning_rate=${number},train.dtype=bfloat16,seed=2`)).toEqual([name]);
  }
  for (const seed of ['3', '', '-', '2e']) {
    const wrong = `train.learning_rate=5e-5,train.dtype=bfloat16,seed=${seed}`;
    await expect(named(wrong)).rejects.toMatchObject({ code: 'cli/unknown-member' });
  }
});
