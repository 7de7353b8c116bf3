import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { jsonLines, runCli } from '../../support/run-cli.js';

const cwd = packageRoot;
const privacy = join('catalogue', 'privacy');

describe('secpi cwe', () => {
  it('lists what can occur in a language, for people and for programs', async () => {
    const { exitCode, stdout } = await runCli(['cwe', 'list', '--group', 'injection'], { cwd });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^id +group +weakness +advice on\n/);
    expect(stdout).toMatch(/^CWE-134 +injection +format string vulnerability +c cpp$/m);
    expect(stdout).not.toContain('CWE-22 ');
    const json = await runCli(['cwe', 'list', '--group', 'injection', '--language', 'go', '--json'], { cwd });
    const ids = jsonLines(json.stdout).map(({ id }) => id);
    expect(ids).toContain('CWE-89');
    expect(ids).not.toContain('CWE-134');
  });

  it('shows what prevents one in a language, and how that is seen', async () => {
    const { exitCode, stdout } = await runCli(['cwe', 'show', '89', '--language', 'go'], { cwd });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^CWE-89 Improper Neutralization[^\n]*\nalso: SQL injection/);
    expect(stdout).toContain('bind-values: Keep the statement text constant');
    expect(stdout).toContain('`db.QueryContext`');
    expect(stdout).not.toContain('cursor.execute');
    const json = await runCli(['cwe', 'show', 'CWE-89', '--language', 'go', '--json'], { cwd });
    expect(jsonLines(json.stdout)).toMatchObject([
      { type: 'weakness', id: 'CWE-89', language: 'go', group: 'injection' },
    ]);
  });

  it('says each thing once where no language is asked for', async () => {
    const { stdout } = await runCli(['cwe', 'show', 'CWE-89'], { cwd });
    const [, calls = ''] = /What calls for care\n([\s\S]*?)\n\n/.exec(stdout) ?? [];
    const lines = calls.split('\n');
    expect(lines).toEqual([...new Set(lines)]);
    expect(lines.length).toBeGreaterThan(3);
  });

  it('reads another catalogue, and says what one does not hold', async () => {
    const { stdout } = await runCli(['cwe', 'list', '--catalogue', privacy], { cwd });
    expect(stdout).toContain('PRIVACY-3');
    const { exitCode, stderr } = await runCli(['cwe', 'show', 'CWE-89', '--catalogue', privacy], { cwd });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('CWE-89 is not in the privacy catalogue.');
  });
});
