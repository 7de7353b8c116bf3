import { labelledTexts } from '../../../security/probing/labelled-texts.js';
import type { StageServices } from '../../services.js';
import { type FilterFigures, figuresByPart } from '../measure-filters.js';
import { looksOf } from './analyse.js';
import { type NamedAnalyser, openAnalysers } from './open.js';
import type { AnalysersParams } from './params.js';
import { rowOf, verdictOf } from './verdict.js';

/**
 * Measures each analyser that a recipe names and that is on this machine, on the labelled code of `actuation` in the languages that it reads. Code of which
 * it says nothing counts as kept, as `curate` keeps it.
 *
 * @throws SecpiError `curate/no-analyser`, `curate/bad-analyser-rules`, `curate/analyser-failed`; the signal's reason.
 */
export async function measureAnalysers(
  params: AnalysersParams,
  services: Pick<StageServices, 'catalogue' | 'programs'>,
  signal: AbortSignal,
): Promise<readonly FilterFigures[]> {
  const figures: FilterFigures[] = [];
  for (const analyser of await openAnalysers(params, services)) {
    if (analyser.version !== undefined) figures.push(...(await measure(analyser, services, signal)));
  }
  return figures;
}

async function measure(
  named: NamedAnalyser,
  { catalogue, programs }: Pick<StageServices, 'catalogue' | 'programs'>,
  signal: AbortSignal,
): Promise<readonly FilterFigures[]> {
  const texts = labelledTexts('actuation', catalogue).filter(
    ({ language }) => named.analyser.endings[language] !== undefined,
  );
  const looks = await looksOf(named, texts, { programs, signal });
  const judged = texts.map((text, index) => ({
    text,
    verdict: verdictOf([rowOf(named, text, looks[index] ?? { found: [] })]),
  }));
  return figuresByPart(`analysers, ${named.analyser.program.name}`, judged);
}
