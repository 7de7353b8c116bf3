import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256File } from '../../src/base/hash.js';
import { packageRoot } from '../../src/base/package-root.js';
import type { Manifest } from '../../src/engine/artifacts/manifest.js';
import { modelFolders } from '../../src/models/answers/model-folder.js';
import { checkAnswers } from '../../src/models/answers/upkeep/check-answers.js';
import { eventsIn, finishedIn, newHome, start } from '../e2e/secpi-process.js';
import { pythonForTests } from '../support/python.js';
import { jsonLines } from '../support/run-cli.js';
import { hasSshServer, type SshServer, sshServer } from '../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const never = new AbortController().signal;

describe.skipIf(!hasSshServer || pythonForTests === undefined)(
  'a model that stays on the host it was trained on',
  () => {
    let server: SshServer;
    let folder: TemporaryFolder;
    let home: string;
    let recipe: string;
    let published: string;
    const inputs = () => join(server.home, 'secpi', 'inputs');

    beforeAll(async () => {
      [server, folder, home] = await Promise.all([sshServer(), temporaryFolder(), newHome()]);
      recipe = join(folder.path, 'kept.yaml');
      published = join(folder.path, 'published');
      const far = { host: 'far', root: join(server.home, 'secpi'), python: pythonForTests?.python, device: 'cpu' };
      const settings = {
        extends: join(packageRoot, 'tests', 'e2e', 'small.yaml'),
        compute: { here: { local: { device: 'cpu' } }, far: { ssh: { ...far, disk_gib: 0 } } },
        models: { target: { tiny: { steps: 2 } } },
        train: { on: 'far', steps: 2 },
        evaluate: { on: 'far', sampling: { max_tokens: 4 } },
        publish: { folder: published, push: ['merged'] },
      };
      // JSON is YAML.
      await writeFile(recipe, JSON.stringify(settings));
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    const secpi = (...args: readonly string[]) => start(args, home, { SECPI_SSH_CONFIG: server.config }).ended;
    async function run(...args: readonly string[]) {
      const { code, stdout, stderr } = await secpi('run', recipe, ...args);
      const said = eventsIn(stdout).flatMap((event) => (event.type === 'log' ? [event.message] : []));
      return { code, stderr, said, finished: finishedIn(stdout) };
    }
    const trained = async (): Promise<Manifest> => {
      const [name = ''] = await readdir(join(home, 'artifacts', 'train'));
      return JSON.parse(await readFile(join(home, 'artifacts', 'train', name), 'utf8')) as Manifest;
    };
    const weights = async () => (await trained()).outputs.find(({ path }) => path === 'model/model.safetensors');
    const inputsThere = async () => (await readdir(inputs())).filter((name) => !name.startsWith('.')).sort();
    const copies = async () => {
      const objects = await readdir(join(home, 'objects'), { recursive: true });
      return objects.filter((path) => path.endsWith('model/model.safetensors')).length;
    };

    /** How many answers have been bought. */
    const answers = async () => {
      let count = 0;
      for (const model of await modelFolders(home)) count += (await checkAnswers(model, never)).answers;
      return count;
    };

    it('is the same as one that was brought here, and its bytes are not here', async () => {
      expect(await run('--until', 'train')).toMatchObject({ code: 0 });
      const before = await trained();
      expect([await copies(), (await weights())?.at]).toEqual([2, undefined]);
      const { said, ...again } = await run('--until', 'train', '--force', 'train', '--set', 'train.keep=there');
      expect(again).toMatchObject({ code: 0 });
      expect(said).toContainEqual(expect.stringMatching(/^model, .* GiB, stays on far$/));
      const after = await trained();
      expect([after.digest, after.fingerprint]).toEqual([before.digest, before.fingerprint]);
      expect(after.outputs.flatMap(({ path, at }) => (at === undefined ? [] : [path])).sort()).toEqual(
        after.outputs.map(({ path }) => path).filter((path) => path.startsWith('model/')),
      );
      expect(await sha256File((await weights())?.at?.path ?? '', never)).toBe((await weights())?.sha256);
      // The bytes from before go with the run that made them.
      await secpi('gc', '--keep-runs', '1', '--yes');
      expect(await copies()).toBe(1);
      expect(await readdir(join(server.home, 'secpi', 'jobs'))).toEqual([]);
    });

    it('is looked at here without asking anybody', async () => {
      const far = ['--set', 'compute.far.ssh.host=nowhere.invalid'];
      const planned = jsonLines((await secpi('plan', recipe, ...far)).stdout);
      expect(planned).toContainEqual(expect.objectContaining({ stage: 'train', state: 'cached' }));
      expect((await secpi('why', 'train', recipe, ...far)).code).toBe(0);
      expect((await secpi('status')).code).toBe(0);
    });

    it('is served there without a byte being sent', async () => {
      const before = await inputsThere();
      const path = (await weights())?.at?.path ?? '';
      const { ino } = await stat(path);
      expect(await run('--until', 'evaluate')).toMatchObject({ code: 0 });
      expect([await inputsThere(), (await stat(path)).ino, await copies()]).toEqual([before, ino, 1]);
    });

    it('comes here when something here wants it, and goes from here with the next clean-up', async () => {
      const { code, said } = await run();
      expect(code).toBe(0);
      expect(said.filter((line) => line.startsWith('bringing'))).toEqual([
        expect.stringMatching(/^bringing model of train here, .* GiB from far$/),
      ]);
      expect(await sha256File(join(published, 'model.safetensors'), never)).toBe((await weights())?.sha256);
      expect(await copies()).toBe(2);
      await secpi('gc', '--yes');
      expect(await copies()).toBe(1);
    });

    it('is missed before the first question, and not at all by who needs it no more', async () => {
      const path = (await weights())?.at?.path ?? '';
      await rm(path);
      // All of its answers are kept.
      expect(await run('--until', 'evaluate', '--force', 'evaluate')).toMatchObject({ code: 0 });
      const before = await answers();
      expect(before).toBeGreaterThan(0);
      const { finished } = await run('--until', 'evaluate', '--set', 'evaluate.sampling.max_tokens=5');
      expect(finished).toMatchObject({
        exit_code: 1,
        error: {
          code: 'compute/bytes-gone',
          message: expect.stringMatching(/^model of train lies on far \(\/.*\), and is not whole there any more$/),
          hint: expect.stringContaining('--force train'),
        },
      });
      expect(await answers()).toBe(before);
    });

    it('is cleared away there when no result here stands on it any more', async () => {
      const kept = join((await weights())?.at?.path ?? '', '..', '..');
      const long = new Date(Date.now() - 40 * 86_400_000);
      const clean = async () => {
        await utimes(kept, long, long);
        const { stdout } = await secpi('gc', '--target', 'far', '--recipe', recipe, '--yes');
        return jsonLines(stdout).find(({ kind }) => kind === 'kept');
      };
      expect(await clean()).toMatchObject({ garbage: false, removed: false });
      await rm(join(home, 'artifacts', 'train'), { recursive: true });
      expect(await clean()).toMatchObject({ garbage: true, removed: true });
      expect(await inputsThere()).not.toContain(kept.split('/').at(-1));
    });
  },
);
