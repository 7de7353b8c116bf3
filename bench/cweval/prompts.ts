/** The questions that upstream's own code asks, beside those of the suite. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { STYLES } from '../../src/suites/cweval/official-texts.js';
import { loadSuite } from '../../src/suites/registry.js';
import type { Upstream } from './upstream.js';

/** Asks nobody: what would be sent is printed. The module that talks to models is left out, with all that it wants installed. */
const PROGRAM = `
import json, os, sys, types
models = types.ModuleType('cweval.ai')
models.AIAPI = object
sys.modules['cweval.ai'] = models
from cweval.generate import Gener
from cweval.ppt import make_prompt
class Listener:
    def send_message(self, messages, **_):
        self.messages = messages
        return []
found = {}
for path, case in Gener(eval_path='/nonexistent', ppt=sys.argv[1]).cases.items():
    listener = Listener()
    make_prompt(sys.argv[1]).req_ai(listener, case['lang'], case['code_prompt'])
    found[os.path.splitext(os.path.relpath(path, 'benchmark'))[0].replace('_task', '')] = listener.messages
print('\\n' + json.dumps(found))
`;

/** For each style, of how many tasks the messages are the same to the letter. */
export async function samePrompts({ checkout, python }: Upstream, cacheFolder: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const style of STYLES) {
    const options = { cwd: checkout, env: { ...process.env, PYTHONPATH: checkout }, maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(python, ['-c', PROGRAM, style], options);
    const theirs: Record<string, unknown> = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
    const suite = await loadSuite('cweval', { cweval: { style, extract: 'first' } }, { cacheFolder });
    const same = suite.problems.filter((one) => JSON.stringify(suite.ask(one)) === JSON.stringify(theirs[one.id]));
    lines.push(
      `${style}: ${same.length} of ${suite.problems.length} questions equal, ${Object.keys(theirs).length} there`,
    );
  }
  return lines;
}
