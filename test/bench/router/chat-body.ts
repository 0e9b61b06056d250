/**
 * Chat requests of an exact size, the model's name first or last. Their text is of random words with
 * escapes among them, as prompts have: a body of one letter would flatter whoever skips strings fast.
 */
import { randomSource } from '../../harness/random.ts';

/** Where in the body the name stands. */
export type Place = 'first' | 'last';

export const CHAT_PATH = '/v1/chat/completions';

const SEED = 1;
const SENTENCE_WORDS = 12;
const SENTENCES_OF_MESSAGE = 6;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** A body of `bytes` bytes, ASCII. */
export function chatBody(model: string, place: Place, bytes: number): string {
  const name = `"model":${JSON.stringify(model)}`;
  const head = place === 'first' ? `{${name},"messages":[` : '{"messages":[';
  const tail = place === 'first' ? '],"temperature":0.5}' : `],"temperature":0.5,${name}}`;
  return head + messages(bytes - head.length - tail.length) + tail;
}

/** The rest of a size that no message of words fits into is filled by one of a single letter. */
function messages(bytes: number): string {
  const random = randomSource(SEED);
  const empty = message('');
  let text = '';
  for (;;) {
    const next = `${message(prose(random))},`;
    if (text.length + next.length + empty.length > bytes) break;
    text += next;
  }
  return text + message('x'.repeat(Math.max(0, bytes - text.length - empty.length)));
}

function message(content: string): string {
  return JSON.stringify({ role: 'user', content });
}

function prose(random: (bound: number) => number): string {
  const sentences = Array.from({ length: SENTENCES_OF_MESSAGE }, () => {
    const words = Array.from({ length: SENTENCE_WORDS }, () => word(random));
    return `${words.join(' ')} "${word(random)}".\n`;
  });
  return sentences.join('');
}

function word(random: (bound: number) => number): string {
  const letters = Array.from(
    { length: 1 + random(9) },
    () => LETTERS[random(LETTERS.length)] ?? '',
  );
  return letters.join('');
}
