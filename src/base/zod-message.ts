import * as z from 'zod';
import { messageOf } from './errors.js';

/** One line for what was thrown while reading data: for a zod error its first finding with the field's path. */
export function dataProblem(error: unknown): string {
  if (!(error instanceof z.ZodError)) return messageOf(error);
  const issue = error.issues[0];
  if (issue === undefined) return 'invalid';
  return issue.path.length === 0 ? issue.message : `"${issue.path.join('.')}": ${issue.message}`;
}
