import { invalid } from '../protocol/errors.ts';
import type { ChatFormat } from './text-config.ts';

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/**
 * One text of all messages, in the model's own form. What a message says is put in as it is: one that spells a
 * special token is read as that token, as by other servers.
 * @throws RequestError for a role that the model does not know.
 */
export function chatPrompt(messages: readonly ChatMessage[], format: ChatFormat): string {
  let prompt = format.begin;
  for (const [i, { role, content }] of messages.entries()) {
    const turn = turnOf(role, format);
    if (!turn) throw invalid(`"messages[${i}].role": this model takes no ${JSON.stringify(role)}`);
    prompt += turn.before + content + turn.after;
  }
  return prompt + format.answer;
}

function turnOf(role: string, format: ChatFormat): ChatFormat['user'] | undefined {
  if (role === 'user') return format.user;
  if (role === 'assistant') return format.assistant;
  // Newer clients call it so.
  if (role === 'system' || role === 'developer') return format.system;
  return undefined;
}
