import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../src/base/hash.js';

/**
 * Reasoning of models that nobody has told anything: answers to questions with choices (MMLU-Pro) by Gemma 12B, and by others, published beside two studies of how models
 * think too long. Nothing of them is in this repository; what is learnt from them is how often ordinary thinking sounds like a leak.
 */
const PUBLISHED = {
  'tobypullan/logit_cot_overthinking/f02cd56b2b8c22008cbf6ed18cdb6759e6ed3964': Object.fromEntries(
    [
      '68f15cf6ce5a3a2baf11ad2d664703ba04e20160f884201daaed31b6790378cf',
      '439dd3fc764db8e86634eddbb47a34ec818a42e6af99ef7859e0193146e6fc83',
      '141b70555e04504a00e96baea09ad2cdc146bcdb1218052203f7cdf63a69736c',
      'f98dfa7a0f085fbf1cf8163528feba3d0866186dab00bd609410dbaf92c1285a',
      '9c020c7519ae797f11cd987aa3788ea84d444e025e60997c113925114c293c11',
      '3518cca487d01969e927533c5599e22108dac10ddbbceb38ea41db88acbd84ff',
      '625918188818ada13f3be2a78040c05218adef1314fb90253e268a0898d9ea0e',
      '80ae87a4ba0929fd1261e66471fad75b836f038621aef8255cd5334556a12632',
      'c366760289b097ad03f40117ba46b87848fb94f7a40f423ff21ee6953c594454',
      '9f240a60559aad8960ac482ea156c35edafb372707ddf19eb50ce88aadef7de0',
    ].map((digest, seed) => [
      `outputs/matched_controls_gemma4_12b/mmlu_pro/seed_${seed}/traces.jsonl`,
      { as: `gemma-${seed}.jsonl`, digest },
    ]),
  ),
  'tobypullan/CoTOverthinking/d4dec7a9538e651ac9f40243957af01986bd4f79': {
    'CoT_Overthinking_Ollama/baseline/baseline_CoTs_options_ollama.jsonl': {
      as: 'options-ollama.jsonl',
      digest: 'c1964c420b31eb3d9d702617441389cd2bb1f70ceeac1c5810221e92e6534cc6',
    },
    'baseline/baseline_CoTs_options.jsonl': {
      as: 'options.jsonl',
      digest: 'f06ddfaadcf3ad75ece6190c4ebb01b917cf2d1e598df37a5aecaa031032a378',
    },
  },
};

export interface OrdinaryTrace {
  readonly question: string;
  readonly text: string;
}

/** Reads them from a folder, and fetches what is not there (37 MB in all). */
export async function ordinaryTraces(folder: string): Promise<readonly OrdinaryTrace[]> {
  await mkdir(folder, { recursive: true });
  const traces: OrdinaryTrace[] = [];
  for (const [repository, files] of Object.entries(PUBLISHED)) {
    for (const [path, { as, digest }] of Object.entries(files)) {
      const file = join(folder, as);
      if (!existsSync(file)) await fetchInto(file, `https://raw.githubusercontent.com/${repository}/${path}`);
      const text = await readFile(file, 'utf8');
      if (sha256(text) !== digest) throw new Error(`${file} is not what was learnt from`);
      for (const line of text.trimEnd().split('\n')) {
        const row = JSON.parse(line) as { question: string; reasoning_trace?: string; response?: string };
        traces.push({ question: row.question, text: String(row.reasoning_trace ?? row.response) });
      }
    }
  }
  return traces;
}

async function fetchInto(file: string, address: string): Promise<void> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  await writeFile(file, Buffer.from(await response.arrayBuffer()));
}
