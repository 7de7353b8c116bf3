import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runStep, type SetUpContext } from '../../../setup/set-up-step.js';
import { readOfficialTexts } from '../official-texts.js';
import { HEADERS } from '../program.js';

/**
 * Compiles what the harness puts before C and C++ code, which takes longer than the code of most answers. A compiler that finds that it was made
 * otherwise (by another compiler, say) reads the text beside it, and comes to the same.
 */
export async function precompiledHeaders(folder: string, checkout: string, context: SetUpContext): Promise<void> {
  const texts = await readOfficialTexts(checkout);
  const target = join(folder, HEADERS.folder);
  await mkdir(target);
  for (const [name, { compiler, language, flags, extension }] of Object.entries(HEADERS.kinds)) {
    const path = join(target, name);
    await writeFile(path, texts.headers[extension] ?? '');
    const command = `exec ${compiler} $(xml2-config --cflags) ${flags} -x ${language} "$0" -o "$0.gch"`;
    await runStep(['/bin/sh', '-c', command, path], context);
  }
}
