/** Objects of the OpenAI API, made of what was asked: an echo, word by word. */

type Json = Record<string, unknown>;

const CREATED = 1_700_000_000;

export function chatCompletion(body: Json): object {
  const message = { role: 'assistant', content: lastMessage(body), refusal: null };
  return {
    id: 'chatcmpl-echo',
    object: 'chat.completion',
    created: CREATED,
    model: body['model'],
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: usageOf(body),
  };
}

/** A chunk for each word, one that ends it, and one with the usage if that was asked for. */
export function chatStream(body: Json): object[] {
  const head = {
    id: 'chatcmpl-echo',
    object: 'chat.completion.chunk',
    created: CREATED,
    model: body['model'],
  };
  const words = wordsOf(lastMessage(body));
  const chunks: object[] = words.map((content, index) => {
    const delta = index === 0 ? { role: 'assistant', content } : { content };
    return { ...head, choices: [{ index: 0, delta, finish_reason: null }] };
  });
  chunks.push({ ...head, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  const options = body['stream_options'] as Json | undefined;
  if (options?.['include_usage'] === true) {
    chunks.push({ ...head, choices: [], usage: usageOf(body) });
  }
  return chunks;
}

export function embeddingList(body: Json): object {
  const texts = [body['input']].flat() as string[];
  const asBase64 = body['encoding_format'] === 'base64';
  const data = texts.map((text, index) => {
    const vector = vectorOf(text);
    const embedding = asBase64
      ? Buffer.from(Float32Array.from(vector).buffer).toString('base64')
      : vector;
    return { object: 'embedding', index, embedding };
  });
  const tokens = texts.length;
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: 'list', model: body['model'], data, usage };
}

export function responseObject(body: Json): object {
  const text = String(body['input']);
  return {
    id: 'resp_echo',
    object: 'response',
    created_at: CREATED,
    status: 'completed',
    model: body['model'],
    output: [
      {
        id: 'msg_echo',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
  };
}

/** Of numbers that are exact in 32 bits. */
function vectorOf(text: string): number[] {
  const sum = [...text].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  return [text.length, sum, -0.5, 0.25];
}

function lastMessage(body: Json): string {
  const messages = body['messages'] as { readonly content: string }[];
  return messages.at(-1)?.content ?? '';
}

/** With the space before each, so that they join to the text. */
function wordsOf(text: string): string[] {
  return text.split(/(?= )/);
}

function usageOf(body: Json): object {
  const words = wordsOf(lastMessage(body)).length;
  return { prompt_tokens: words, completion_tokens: words, total_tokens: 2 * words };
}
