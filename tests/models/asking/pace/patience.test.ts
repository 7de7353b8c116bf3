import { describe, expect, it } from 'vitest';
import { Patience } from '../../../../src/models/asking/pace/patience.js';

const most = { before: 1800, within: 300 };
const least = { before: 30, within: 5 };

function patienceAfter(answers: number, silences: { readonly before: number; readonly within: number }): Patience {
  const patience = new Patience(most, least);
  for (let count = 0; count < answers; count += 1) patience.answered(patience.begin(), silences);
  return patience;
}

describe('Patience', () => {
  it('waits as long as it may while little is known', () => {
    expect(patienceAfter(19, { before: 0.05, within: 0 }).seconds('before')).toBe(1800);
    expect(patienceAfter(19, { before: 0.05, within: 0 }).seconds('within')).toBe(300);
  });

  it('is short with a quick server, and long with a slow one, but never longer than it may', () => {
    expect(patienceAfter(20, { before: 0.05, within: 0 }).seconds('before')).toBe(30);
    expect(patienceAfter(20, { before: 0.05, within: 0 }).seconds('within')).toBe(5);
    expect(patienceAfter(20, { before: 20, within: 2 }).seconds('before')).toBe(200);
    expect(patienceAfter(20, { before: 20, within: 2 }).seconds('within')).toBe(20);
    expect(patienceAfter(20, { before: 600, within: 100 }).seconds('before')).toBe(1800);
    expect(patienceAfter(20, { before: 600, within: 100 }).seconds('within')).toBe(300);
  });

  it('remembers one slow answer for a while, not for ever', () => {
    const patience = patienceAfter(1, { before: 60, within: 0 });
    for (let count = 0; count < 500; count += 1) patience.answered(patience.begin(), { before: 0.1, within: 0 });
    expect(patience.seconds('before')).toBe(600);
    for (let count = 0; count < 1000; count += 1) patience.answered(patience.begin(), { before: 0.1, within: 0 });
    expect(patience.seconds('before')).toBe(30);
  });

  it('grows where it ends too many attempts, not where one in two hundred hangs', () => {
    const patience = patienceAfter(400, { before: 0.1, within: 0 });
    for (let hung = 0; hung < 3; hung += 1) patience.expired(patience.begin());
    expect(patience.seconds('before')).toBe(30);
    for (let hung = 0; hung < 3; hung += 1) patience.expired(patience.begin());
    expect(patience.seconds('before')).toBeGreaterThan(30);
  });

  it('takes those that hang when an outage begins for no more than they were among what began with them', () => {
    const patience = new Patience(most, least);
    const hanging: ReturnType<Patience['begin']>[] = [];
    for (let count = 0; count < 5000; count += 1) {
      const peers = patience.begin();
      if (count % 200 === 0) hanging.push(peers);
      else patience.answered(peers, { before: 0.1, within: 0 });
    }
    for (const peers of hanging) patience.expired(peers);
    expect(hanging.length).toBe(25);
    expect(patience.seconds('within')).toBe(5);
  });
});
