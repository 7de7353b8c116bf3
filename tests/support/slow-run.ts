import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';
import { startOpenaiServer } from './openai-server.js';

/** A recipe `r.yaml` in the folder whose classifier is asked, and waits until the test lets it answer. */
export async function slowRun(folder: string) {
  let answer: () => void = () => undefined;
  const mayAnswer = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let asked: () => void = () => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const server = await startOpenaiServer(async () => {
    asked();
    await mayAnswer;
    return { kind: 'answer', content: '{"relevant":false,"cwes":[],"confidence":0.9,"reason":"no"}' };
  });
  await writeFile(
    join(folder, 'r.yaml'),
    `extends: ${join(packageRoot, 'recipes', 'quickstart.yaml')}
name: slow
models: { classifier: { model: m, replay: null, endpoint: ${server.url} } }
`,
  );
  return { server, answer, isAsked };
}
