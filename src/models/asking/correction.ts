import { clip } from '../../base/clip.js';
import type { ChatAnswer, ChatRequest } from '../chat.js';

/** Enough to see what was wrong; an answer that ran wild would cost its length once more. */
const MOST_SHOWN = 4000;

/**
 * The question once more, with the answer that could not be used and why: another question, and so another answer, also at temperature 0 and
 * where a seed is obeyed.
 */
export function corrected(request: ChatRequest, answer: Pick<ChatAnswer, 'content'>, why: string): ChatRequest {
  // Chat templates want the roles in turns, and some servers no message without text.
  const said = clip(answer.content.trim(), MOST_SHOWN) || '(no answer)';
  return {
    ...request,
    messages: [
      ...request.messages,
      { role: 'assistant', content: said },
      {
        role: 'user',
        content: `That answer cannot be used: ${why}. Answer the question again, exactly in the form that it asks for.`,
      },
    ],
  };
}
