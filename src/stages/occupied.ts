/** What stages occupy while they run (see `StageDefinition.occupies`): those that name the same thing take turns. */

/** A machine of the recipe's `compute`: two trainings on one would only slow each other down, or not fit into its memory. */
export function machine(name: string): string {
  return `compute.${name}`;
}

/** This machine's cores, for model servers and scoring. */
export const THIS_MACHINE = machine('here');
