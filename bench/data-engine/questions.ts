import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { loadCatalogue } from '../../src/security/catalogue.js';
import { classifyMessages } from '../../src/security/prompts/classify-prompt.js';

/** The one group of weaknesses that is looked for, so that the question is a short one. */
export const GROUP = 'credentials';

interface Message {
  readonly role: string;
  readonly content: string;
}

/** A task, and what every contender asks about it. */
export interface Question {
  readonly id: number;
  readonly prompt: string;
  readonly messages: readonly Message[];
  readonly digest: string;
}

/** What tells one question from another, whoever asks it. */
export function digestOf(messages: readonly Message[]): string {
  const text = JSON.stringify(messages.map(({ role, content }) => [role, content]));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** So many questions; with `edited`, the one in the middle is worded otherwise. */
export function questionsOf(count: number, edited: boolean): readonly Question[] {
  const catalogue = loadCatalogue();
  return Array.from({ length: count }, (_, id) => {
    const change = edited && id === Math.floor(count / 2) ? ' Name it well.' : '';
    const prompt =
      `Write function number ${id} of a small web service in Python: it takes the name and the password that somebody typed, ` +
      `looks them up in table ${id % 97} of the users, and gives back a session or an error that the page can show.${change}`;
    const messages = classifyMessages({ prompt, language: 'python' }, catalogue, [GROUP]);
    return { id, prompt, messages, digest: digestOf(messages) };
  });
}

/** Leaves them in a folder: `tasks.jsonl` for secpi, `questions.jsonl` for whoever only asks. */
export async function writeQuestions(folder: string, questions: readonly Question[]): Promise<void> {
  const write = (name: string, row: (question: Question) => object): Promise<void> =>
    pipeline(
      (function* () {
        for (const question of questions) yield `${JSON.stringify(row(question))}\n`;
      })(),
      createWriteStream(join(folder, name)),
    );
  await write('tasks.jsonl', ({ prompt }) => ({ prompt, language: 'python' }));
  await write('questions.jsonl', ({ id, messages }) => ({ id, messages }));
}
