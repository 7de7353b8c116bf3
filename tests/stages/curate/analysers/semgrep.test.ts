import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../../src/security/catalogue.js';
import { lookAt } from '../../../../src/stages/curate/analysers/look.js';
import { openAnalysers } from '../../../../src/stages/curate/analysers/open.js';
import { analysersParams } from '../../../../src/stages/curate/analysers/params.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

const RULES = `rules:
  - id: my-sql
    languages: [python]
    severity: ERROR
    message: SQL from strings
    pattern: $C.execute("..." % $X)
    metadata: { cwe: ["CWE-89: Improper Neutralization of Special Elements"] }
  - id: my-eval
    languages: [js, ts]
    severity: ERROR
    message: eval
    pattern: eval(...)
    metadata: { cwe: CWE-95 }
  - id: avoid-pickle
    languages: [py]
    severity: ERROR
    message: pickle
    pattern: pickle.loads(...)
`;

/** In the shape that Semgrep 1.185.0 prints, abridged by hand from runs over files like the three below. */
const PRINTED = {
  version: '1.185.0',
  results: [
    {
      check_id: 'my-sql',
      path: 'code/0.py',
      start: { line: 2, col: 5, offset: 14 },
      extra: {
        message: 'SQL from strings',
        metadata: { cwe: ['CWE-89: …'] },
        severity: 'ERROR',
        lines: 'requires login',
      },
    },
  ],
  errors: [
    {
      code: 3,
      level: 'warn',
      type: ['PartialParsing', [{ path: 'code/1.py' }]],
      message: 'Syntax error at line code/1.py:2:\n `return eval(x` was unexpected',
      path: 'code/1.py',
    },
  ],
  paths: { scanned: ['code/0.py', 'code/1.py', 'code/2.js'] },
};

async function semgrepIn(folder: string) {
  const config = join(folder, 'rules.yaml');
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(config, RULES);
  await writeFile(join(folder, 'printed.json'), JSON.stringify(PRINTED));
  await writeFile(
    join(bin, 'semgrep'),
    `#!/bin/sh\nenv >${folder}/env; echo "$*" >>${folder}/argv\n[ "$1" = --version ] && echo 1.185.0 || cat ${folder}/printed.json\n`,
  );
  await chmod(join(bin, 'semgrep'), 0o755);
  const programs = { PATH: `${bin}:/usr/bin:/bin`, HOME: folder };
  const params = analysersParams.parse({ semgrep: { config } });
  return { config, programs, open: () => openAnalysers(params, { catalogue: loadCatalogue(), programs }) };
}

describe('Semgrep', () => {
  it('is kept from the network, and finds what its rules speak of', async () => {
    await using folder = await temporaryFolder();
    const { config, programs, open } = await semgrepIn(folder.path);
    const [named] = await open();
    expect(named?.version).toBe('1.185.0');
    expect(named?.analyser.rules).toEqual([
      { id: 'my-sql', cwes: ['CWE-89'], languages: ['python'] },
      { id: 'my-eval', cwes: ['CWE-95'], languages: ['javascript', 'typescript'] },
      { id: 'avoid-pickle', cwes: ['CWE-502'], languages: ['python'] },
    ]);
    const codes = [
      { language: 'python', text: 'def f(c, n):\n    c.execute("%s" % n)  # nosemgrep\n' },
      { language: 'python', text: 'def f(x):\n    return eval(x\n' },
      { language: 'javascript', text: 'f();\n' },
    ];
    if (named === undefined) throw new Error('it was not opened');
    expect(await lookAt(named.analyser, codes, { programs, signal: new AbortController().signal })).toEqual([
      { found: [{ rule: 'my-sql', line: 2, says: 'SQL from strings' }] },
      { found: [], unread: expect.stringContaining('Syntax error') },
      { found: [] },
    ]);
    const argv = (await readFile(join(folder.path, 'argv'), 'utf8')).split('\n')[1];
    expect(argv).toBe(
      `scan --config ${config} --json --quiet --metrics off --disable-version-check --disable-nosem --no-git-ignore --no-rewrite-rule-ids code`,
    );
    const env = await readFile(join(folder.path, 'env'), 'utf8');
    expect(env).toContain('SEMGREP_SEND_METRICS=off\n');
    expect(env).toContain('SEMGREP_ENABLE_VERSION_CHECK=0\n');
  });

  it.each(['rules: []', 'rules: [', '- a', 'rules: [{ id: a }]'])(
    'does not begin with rules that are none: %s',
    async (text) => {
      await using folder = await temporaryFolder();
      const { config, open } = await semgrepIn(folder.path);
      await writeFile(config, text);
      await expect(open()).rejects.toMatchObject({ code: 'curate/bad-analyser-rules' });
    },
  );
});
