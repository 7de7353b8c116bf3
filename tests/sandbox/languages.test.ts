import { chmodSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import type { CollectedFile, Sandbox, SandboxFile } from '../../src/sandbox/sandbox.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { describeSandbox, exited, never } from './real-sandbox.js';

let sandbox: Sandbox;

/** A file that one run made, as an input of the next. */
function program(file: CollectedFile | undefined): SandboxFile {
  if (file === undefined || !('bytes' in file)) throw new Error('nothing was built');
  return { path: 'program', content: file.bytes, executable: true };
}

describeSandbox('toolchains in the sandbox', () => {
  beforeAll(async () => {
    sandbox = await openSandbox();
  });

  it.for(['c', 'cpp'] as const)('builds %s and finds overflows with AddressSanitizer', async (language, { skip }) => {
    skip(sandbox.toolchains[language] === undefined, `no compiler for ${language} here`);
    const source =
      '#include <stdio.h>\n#include <stdlib.h>\nint main(int n, char **v) { char *p = (char *)malloc(8); p[atoi(v[1])] = 1; printf("%d\\n", p[0] * 0); free(p); return n - 2; }';
    const file = language === 'c' ? 'main.c' : 'main.cc';
    const built = await sandbox.run(
      {
        toolchain: language,
        argv: [language === 'c' ? 'gcc' : 'g++', '-g', '-fsanitize=address,undefined', '-o', 'program', file],
        files: [{ path: file, content: source }],
        collect: ['program'],
      },
      never,
    );
    expect(built).toMatchObject({ ...exited(), stderr: '' });
    const run = (index: string) =>
      sandbox.run({ toolchain: null, argv: ['./program', index], files: [program(built.collected.program)] }, never);
    expect(await run('7')).toMatchObject({ ...exited(), stdout: '0\n', stderr: '' });
    const overflow = await run('8');
    expect(overflow).toMatchObject(exited(1));
    expect(overflow.stderr).toContain('heap-buffer-overflow');
  });

  it('finds leaks in a run that may trace, and in no other', async ({ skip }) => {
    skip(sandbox.toolchains.c === undefined, 'no compiler for c here');
    const source = '#include <stdlib.h>\nint main(void) { char *volatile p = malloc(8); p = 0; return 0; }';
    const built = await sandbox.run(
      {
        toolchain: 'c',
        argv: ['gcc', '-g', '-fsanitize=address', '-o', 'program', 'main.c'],
        files: [{ path: 'main.c', content: source }],
        collect: ['program'],
      },
      never,
    );
    const leaking = { toolchain: null, argv: ['./program'], files: [program(built.collected.program)] };
    const traced = await sandbox.run({ ...leaking, trace: true }, never);
    expect(traced.stderr).toContain('detected memory leaks');
    expect(traced).not.toMatchObject(exited());
    expect(await sandbox.run(leaking, never)).toMatchObject(exited());
    const untraced = await sandbox.run({ ...leaking, env: { ASAN_OPTIONS: 'detect_leaks=1' } }, never);
    expect(untraced.stderr).toContain('fatal error');
  });

  it('runs Node with a server on localhost and limits its memory', async () => {
    const node = (script: string) =>
      sandbox.run(
        {
          ...{ toolchain: 'javascript', argv: ['node', 'main.mjs'], files: [{ path: 'main.mjs', content: script }] },
          // Of the time it takes nothing is said here.
          limits: { wallSeconds: 60 },
        },
        never,
      );
    const served = await node(`
      import { createServer } from 'node:http';
      import { execFileSync } from 'node:child_process';
      import { Worker } from 'node:worker_threads';
      await new Promise((done) => new Worker('1', { eval: true }).on('exit', done));
      const server = createServer((_, response) => response.end(execFileSync('echo', ['ok']))).listen(0, 'localhost', async () => {
        console.log(await (await fetch('http://localhost:' + server.address().port)).text());
        process.exit();
      });
    `);
    expect(served).toMatchObject({ ...exited(), stdout: 'ok\n\n', stderr: '' });
    const greedy = await node('const all = []; for (;;) all.push(Buffer.alloc(50_000_000, 1));');
    expect(greedy).toMatchObject(exited(1));
    expect(greedy.stderr).toMatch(/RangeError: (?:Array buffer allocation failed|Failed to allocate memory)/);
  });

  it('builds Go against a warm cache that no run can change', async ({ skip }) => {
    skip(sandbox.toolchains.go === undefined, 'no Go here');
    await sandbox.prepare('go');
    const files = [
      { path: 'go.mod', content: 'module example\n\ngo 1.20\n' },
      {
        path: 'main.go',
        content:
          'package main\n\nimport (\n\t"fmt"\n\t"net/http"\n\t"os/exec"\n\t"text/tabwriter"\n)\n\nfunc main() {\n\tout, err := exec.Command("echo", "hi").Output()\n\tfmt.Print(string(out), err, http.StatusTeapot, tabwriter.Debug)\n}\n',
      },
      { path: 'main_test.go', content: 'package main\n\nimport "testing"\n\nfunc TestNothing(t *testing.T) {}\n' },
    ];
    // Every entry of the standard library is behind a link that cannot be written through; the run's own may be spoiled.
    const poison =
      'cache=$(go env GOCACHE); for f in $(find "$cache" -name "*-d" | head -50); do echo spoiled 2>/dev/null >"$f" && echo "$f"; done; ' +
      'rm -rf "$cache"/* && echo gone; echo spoiled 2>/dev/null >/opt/go-build/README && echo "wrote"; exit 0';
    const attack = await sandbox.run({ toolchain: 'go', argv: ['sh', '-c', poison], files: [] }, never);
    expect(attack).toMatchObject({ ...exited(), stdout: 'gone\n' });

    const built = await sandbox.run(
      { toolchain: 'go', argv: ['go', 'build', '-o', 'program', '.'], files, collect: ['program'] },
      never,
    );
    expect(built).toMatchObject({ ...exited(), stdout: '', stderr: '' });
    const run = { toolchain: null, argv: ['./program'], files: [program(built.collected.program)] };
    expect(await sandbox.run(run, never)).toMatchObject({ ...exited(), stdout: 'hi\n<nil> 418 32' });
    const tested = await sandbox.run({ toolchain: 'go', argv: ['go', 'test', './...'], files }, never);
    expect(tested).toMatchObject({ ...exited(), stdout: expect.stringMatching(/^ok\s+example/) });
  }, 300_000);

  it('lets no Go source or build bring in a file of the host', async ({ skip }) => {
    skip(sandbox.toolchains.go === undefined, 'no Go here');
    await using folder = await temporaryFolder();
    const secret = await folder.write('secret', 'a secret of the host');
    chmodSync(folder.path, 0o755);
    const files = [
      { path: 'go.mod', content: 'module example\n\ngo 1.20\n' },
      {
        path: 'linked/main.go',
        content:
          'package main\n\nimport _ "embed"\n\n//go:embed link\nvar secret string\n\nfunc main() { print(secret) }\n',
      },
      {
        path: 'beyond/main.go',
        content: `package main\n\nimport _ "embed"\n\n//go:embed ../../..${secret}\nvar secret string\n\nfunc main() { print(secret) }\n`,
      },
      { path: 'plain/main.go', content: 'package main\n\nfunc main() {}\n' },
      {
        path: 'c/main.go',
        content: `package main\n\n// #cgo CFLAGS: -include ${secret} -B${folder.path}\n// #include "${secret}"\nimport "C"\n\nfunc main() {}\n`,
      },
      {
        path: 'tool',
        content: `#!/bin/sh\ncat ${secret} >&2\necho ran >>/tmp/ran\nid -u >&2\nexec "$@"\n`,
        executable: true,
      },
    ];
    const builds = `
ln -s ${secret} linked/link
for name in linked beyond; do go build -o $name/program ./$name; done
for enabled in 0 1; do CGO_ENABLED=$enabled CGO_CFLAGS_ALLOW=.* go build -o c/program ./c; done
go build -overlay ${secret} ./plain; go build -modfile ${secret} ./plain; go vet ${secret}; go run ${secret}
go build -toolexec "$PWD/tool" -o plain/program ./plain
cat /tmp/ran */program
`;
    const run = await sandbox.run({ toolchain: 'go', argv: ['/bin/sh', '-c', builds], files }, never);
    expect(run.stdout).toMatch(/^ran\n/);
    expect(run.stdout + run.stderr).not.toContain('a secret of the host');
    expect(run.stderr).toMatch(/^[1-9]\d+$/m);
  });
});
