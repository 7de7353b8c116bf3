import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../../src/security/catalogue.js';
import { loadProbe, type ProbeTask } from '../../../../src/security/probing/probe-tasks.js';
import { filterParams } from '../../../../src/stages/filter/filter.js';
import { Probe } from '../../../../src/stages/filter/probe/probe.js';
import { probeFigures } from '../../../../src/stages/filter/probe/probe-figures.js';
import { startOpenaiServer } from '../../../support/openai-server.js';
import { type StageHome, stageHome, testModel, testServices } from '../../../support/stage-flow.js';
import { labelledAnswers } from './labelled-answers.js';

const all = loadProbe();
const catalogue = loadCatalogue();
const taskOf = (id: string): ProbeTask => {
  const found = all.find((task) => task.id === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
};

function openProbe(
  home: StageHome,
  endpoint: string,
  tasks: readonly ProbeTask[],
  model: object = {},
  params: object = {},
) {
  const services = testServices(home, { specs: { classifier: testModel({ endpoint, ...model }) } });
  return Probe.open({ params: filterParams.parse(params), services, tasks });
}

const signal = new AbortController().signal;

describe('Probe', () => {
  it('asks each labelled task once, as the filter does, and gives the figures that the mistakes of the endpoint make', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(
      labelledAnswers({
        'injection-1': { relevant: false, cwes: [] },
        'path-1': { cwes: ['CWE-78'] },
        'crypto-14': { confidence: 0.4 },
        'harmless-1': { relevant: true, cwes: ['CWE-327'] },
      }),
    );
    await using probe = await openProbe(home, server.url, all);
    const estimate = await probe.estimate();
    expect(estimate).toMatchObject({ requests: all.length, output_tokens: 512 * all.length });
    expect(server.received).toHaveLength(0);

    const probed = await probe.run(signal, () => {});
    expect(server.received).toHaveLength(all.length);
    expect(new Set(server.received.map(({ body }) => body.messages[0]?.content)).size).toBe(1);
    const { relevant, cwes } = probeFigures(probed, catalogue);
    const positives = all.filter((task) => task.cwes.some((id) => catalogue.entries.has(id))).length;
    expect(relevant.recall).toMatchObject({ right: positives - 2, of: positives });
    expect(relevant.precision).toMatchObject({ right: positives - 2, of: positives - 1 });
    const labelled = (id: string) => all.filter((task) => task.cwes.includes(id)).length;
    const of = (id: string) => cwes.find((cwe) => cwe.id === id);
    expect(of('CWE-22')?.recall).toMatchObject({ right: labelled('CWE-22') - 1, of: labelled('CWE-22') });
    expect(of('CWE-22')?.taken_for).toEqual([{ as: 'CWE-78', tasks: 1 }]);
    expect(of('CWE-78')?.precision).toMatchObject({ right: labelled('CWE-78') - 1, of: labelled('CWE-78') });
    expect(of('CWE-327')?.precision).toMatchObject({ right: labelled('CWE-327'), of: labelled('CWE-327') + 1 });
    expect(of('CWE-338')?.taken_for).toEqual([{ as: 'low_confidence', tasks: 1 }]);
    const spoilt = ['CWE-22', 'CWE-78', 'CWE-327', 'CWE-338'];
    for (const { id, precision, recall } of cwes.filter(({ id }) => !spoilt.includes(id))) {
      expect([id, precision.share, recall.share]).toEqual([id, 1, 1]);
    }

    // The answers are those of the store: a second time costs nothing.
    expect(await probe.estimate()).toMatchObject({ requests: 0 });
    expect(await probe.run(signal, () => {})).toEqual(probed);
    expect(server.received).toHaveLength(all.length);
  });

  it('takes no limit of the recipe for one of its own', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(labelledAnswers({}));
    const some = ['injection-14', 'injection-16', 'injection-17'].map(taskOf);
    await using probe = await openProbe(home, server.url, some, {}, { max_tasks: 1 });
    expect((await probe.run(signal, () => {})).map(({ code }) => code)).toEqual(['kept', 'kept', 'kept']);
  });

  it('gives no figures of a part: a spent budget and a server that fails end it, and what was bought is kept', async () => {
    await using home = await stageHome();
    const some = ['injection-14', 'path-1', 'harmless-1'].map(taskOf);
    const answer = labelledAnswers({});
    let broken = true;
    await using server = await startOpenaiServer((chat, call) =>
      broken && chat.prompt.includes(some[1]?.prompt ?? '') ? { kind: 'reset' } : answer(chat, call),
    );
    {
      await using probe = await openProbe(home, server.url, some);
      await expect(probe.run(signal, () => {})).rejects.toMatchObject({ code: 'models/unanswered' });
    }
    broken = false;
    {
      await using probe = await openProbe(home, server.url, some, { budget: { tokens: 20 } });
      await expect(probe.run(signal, () => {})).rejects.toThrow(/budget/);
    }
    await using probe = await openProbe(home, server.url, some);
    expect(await probe.estimate()).toMatchObject({ requests: 1 });
    expect(await probe.run(signal, () => {})).toHaveLength(3);
  });
});
