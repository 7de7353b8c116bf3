import { describe, expect, it } from 'vitest';
import { Notices } from '../../../src/models/asking/notices.js';

describe('Notices', () => {
  it('says each kind once a minute, how often it came meanwhile, and at the end what is left', () => {
    let now = 0;
    const lines: string[] = [];
    const notices = new Notices({ now: () => now }, (level, message) => lines.push(`${level} ${message}`));
    for (let second = 0; second < 130; second += 1) {
      now = second * 1000;
      notices.note('slower', 'warn', `slower at ${second}`);
      if (second === 30) notices.note('failed', 'info', 'failed');
    }
    expect(lines).toEqual([
      'warn slower at 0',
      'info failed',
      'warn slower at 60 (and 59 more of the kind since the last line)',
      'warn slower at 120 (and 59 more of the kind since the last line)',
    ]);
    notices.flush();
    expect(lines.slice(4)).toEqual(['info slower at 129 (and 8 more of the kind since the last line)']);
    notices.flush();
    expect(lines).toHaveLength(5);
  });
});
