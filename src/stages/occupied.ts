/**
 * What stages occupy while they run (see `StageDefinition.occupies`): those that name the same thing take turns. Two trainings on one
 * machine would only slow each other down, or not fit into its memory; and whatever its entry under `compute` is called, every
 * target there is runs on the machine that secpi runs on.
 */
export const THIS_MACHINE = 'this machine';
