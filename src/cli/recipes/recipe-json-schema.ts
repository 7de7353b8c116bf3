import * as z from 'zod';
import { recipeSchema } from '../../pipeline.js';

/** The recipe's JSON Schema (draft 7, what editors understand), as it stands in `secpi.schema.json`. */
export function recipeJsonSchema(): string {
  const schema = z.toJSONSchema(recipeSchema, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ title: 'secpi recipe', ...schema }, null, 2)}\n`;
}
