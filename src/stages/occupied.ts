/**
 * What a stage occupies that asks a model (see `StageDefinition.occupies`). The members of a sweep often ask the same questions: the second
 * one finds the answers of the first, which it would otherwise buy again, and the pace of the model holds for all of them.
 */
export function occupiedModel(name: string): string {
  return `model ${name}`;
}
