import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeJsonAtomic } from '../../../src/base/files/atomic-file.js';
import { makeDirectory } from '../../../src/base/files/durable-directory.js';
import { stampOf } from '../../../src/base/files/hash-memo.js';
import { sha256 } from '../../../src/base/hash.js';
import { rememberedHashes } from '../../../src/engine/artifacts/remembered-hashes.js';
import { stateDirectory } from '../../../src/engine/state-directory.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const never = new AbortController().signal;

it.each(['a folder of an object', 'a folder elsewhere'])(
  'rememberedHashes reads no file of %s twice',
  async (where) => {
    await using folder = await temporaryFolder();
    const state = stateDirectory(join(folder.path, 'state'));
    const digest = sha256('object');
    const inObject = where === 'a folder of an object';
    const root = inObject ? join(state.object(digest), 'model') : join(folder.path, 'model');
    const path = await folder.write(`${root.slice(folder.path.length + 1)}/deep/weights`, 'weights');
    // What was remembered of it is another hash than its own: whoever says that one has not read it.
    const remembered = sha256('as remembered');
    const memo = state.hashes(inObject ? digest : sha256(root));
    await makeDirectory(join(memo, '..'));
    const name = inObject ? 'model/deep/weights' : 'deep/weights';
    await writeJsonAtomic(memo, { schema: 2, files: { [name]: `${(await stampOf(path)).identity}:${remembered}` } });
    const hashes = () => rememberedHashes(state, root, ['deep/weights'], never);
    expect(await hashes()).toMatchObject([{ bytes: 7, sha256: remembered }]);
    await appendFile(path, '!');
    expect(await hashes()).toMatchObject([{ bytes: 8, sha256: sha256('weights!') }]);
  },
);
