/** One of nine trivial commands that hang together as the stages of a recipe do. */
export interface Step {
  readonly name: string;
  /** Steps whose files it reads. */
  readonly after: readonly string[];
  /** Files that nobody makes. */
  readonly sources: readonly string[];
}

/** What the first steps read. */
export const SOURCES = ['tasks.txt', 'architecture.txt'] as const;

export const STEPS: readonly Step[] = [
  { name: 'collect', after: [], sources: ['tasks.txt'] },
  { name: 'filter', after: ['collect'], sources: [] },
  { name: 'trace', after: ['filter'], sources: [] },
  { name: 'curate', after: ['collect', 'filter', 'trace'], sources: [] },
  { name: 'base', after: [], sources: ['architecture.txt'] },
  { name: 'train', after: ['base', 'curate'], sources: [] },
  { name: 'evaluate', after: ['base', 'train'], sources: [] },
  { name: 'report', after: ['collect', 'filter', 'trace', 'curate', 'base', 'train', 'evaluate'], sources: [] },
  { name: 'publish', after: ['curate', 'train', 'evaluate', 'report'], sources: [] },
];

/** The file that a step makes. */
export function outputOf(name: string): string {
  return `out-${name}.txt`;
}

export function inputsOf({ after, sources }: Step): readonly string[] {
  return [...sources, ...after.map(outputOf)];
}

export function shellOf(step: Step): string {
  return `cat ${inputsOf(step).join(' ')} > ${outputOf(step.name)}`;
}
