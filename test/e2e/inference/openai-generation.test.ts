/** /v1/completions and /v1/chat/completions of a real pod. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readReference } from '../../unit/inference/text/text-references.ts';
import { type PodProcess, startPod } from './pod-process.ts';
import { CHAT, makeTextRepository, type TextRepository } from './text-repository.ts';

const generation = (more: object) => ({
  from: 'tiny-chat' as const,
  config: { task: 'generation', generation: { contextTokens: 512, chat: CHAT, ...more } },
});

const MODELS = {
  chat: generation({}),
  stopped: generation({ stop: ['mesh'] }),
  silent: { from: 'tiny-chat' as const, config: { task: 'generation' } },
  /** Goes on for long, and one at a time. */
  endless: generation({
    eosTokenIds: [0],
    contextTokens: 1_000_000,
    maxTokens: 1_000_000,
    maxConcurrent: 1,
    maxQueue: 0,
  }),
  late: generation({
    eosTokenIds: [0],
    contextTokens: 1_000_000,
    maxTokens: 1_000_000,
    timeoutMs: 300,
  }),
  embed: { from: 'tiny-embed' as const, config: { task: 'embeddings' } },
};

const STORY = readReference('tiny-chat').answers['tell me a story'];

describe('generation by a pod', () => {
  let repository: TextRepository;
  let pod: PodProcess;

  before(async () => {
    repository = makeTextRepository(MODELS);
    pod = await startPod(['--repository', repository.path]);
  });
  after(async () => {
    await pod?.stop();
    repository?.remove();
  });

  const chat = (content: string, more: object = {}) =>
    pod.post('/v1/chat/completions', {
      model: 'chat',
      messages: [{ role: 'user', content }],
      temperature: 0,
      ...more,
    });

  const open = (body: object, signal?: AbortSignal): Promise<Response> =>
    fetch(`http://127.0.0.1:${pod.port}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], ...body }),
      signal: signal ?? null,
    });

  for (const [question, answer] of Object.entries<string>(readReference('tiny-chat').answers)) {
    test(`the answer to ${JSON.stringify(question)} is that of the training library`, async () => {
      const { status, json } = await chat(question);
      assert.equal(status, 200, JSON.stringify(json));
      const [choice] = json.choices;
      assert.deepEqual(choice.message, { role: 'assistant', content: answer, refusal: null });
      assert.deepEqual([choice.finish_reason, json.object], ['stop', 'chat.completion']);
      const completion_tokens = Buffer.byteLength(answer);
      const prompt_tokens = Buffer.byteLength(question) + 3;
      const total_tokens = prompt_tokens + completion_tokens;
      assert.deepEqual(json.usage, { prompt_tokens, completion_tokens, total_tokens });
    });
  }

  test('a chat of several turns has all of them in its prompt', async () => {
    const { json } = await chat('', {
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: 'Hello!' },
        { role: 'user', content: [{ type: 'text', text: 'thanks!' }] },
      ],
    });
    assert.equal(json.choices[0].message.content, 'You are welcome.');
    assert.equal(json.usage.prompt_tokens, 7 + 8 + 9 + 1);
  });

  test('a completion goes on from its prompt, by default for 16 tokens', async () => {
    const prompt = '<|user|>tell me a story<|end|><|assistant|>';
    const body = { model: 'chat', prompt, temperature: 0 };
    const { json } = await pod.post('/v1/completions', body);
    assert.deepEqual([json.object, json.choices[0].text], ['text_completion', STORY.slice(0, 16)]);
    assert.equal(json.choices[0].finish_reason, 'length');
    const tokens = [256, ...Buffer.from('tell me a story'), 258, 257];
    const again = await pod.post('/v1/completions', { ...body, prompt: [tokens], max_tokens: 188 });
    assert.deepEqual([again.json.choices[0].text, again.json.usage.prompt_tokens], [STORY, 18]);
  });

  test('a stream has a role, then text, then why it ended, then the usage, then [DONE]', async () => {
    const response = await open({
      model: 'chat',
      messages: [{ role: 'user', content: 'how do you say hello in german?' }],
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    const events = eventsOf(await response.text());
    assert.equal(events.pop(), '[DONE]');
    const chunks = events.map((event) => JSON.parse(event));
    assert.deepEqual(chunks[0].choices[0].delta, { role: 'assistant', content: '' });
    const texts = chunks.slice(1, -2).map(({ choices }) => choices[0].delta.content);
    assert.deepEqual(texts, [...'Grüß dich! 👋']);
    assert.deepEqual([chunks.at(-2).choices[0].finish_reason, chunks.at(-2).usage], ['stop', null]);
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 17);
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  });

  test('a stream of a completion has its text', async () => {
    const response = await fetch(`http://127.0.0.1:${pod.port}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'chat', prompt: 'a', stream: true, max_tokens: 4, seed: 1 }),
    });
    const chunks = eventsOf(await response.text())
      .slice(0, -1)
      .map((event) => JSON.parse(event));
    assert.ok(chunks.every(({ object }) => object === 'text_completion'));
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'length');
  });

  test('stop texts end an answer, those of the request and those of the model', async () => {
    const { json } = await chat('tell me a story', { stop: ['but two', 'never'] });
    const [choice] = json.choices;
    assert.deepEqual(
      [choice.message.content, choice.finish_reason],
      [STORY.slice(0, STORY.indexOf('but two')), 'stop'],
    );
    const other = await chat('tell me a story', { model: 'stopped' });
    assert.equal(other.json.choices[0].message.content, STORY.slice(0, STORY.indexOf('mesh')));
  });

  test('the same seed gives the same answer, others give others', async () => {
    const draw = async (seed: number): Promise<string> => {
      const { json } = await chat('xyz', { temperature: 2, seed, max_tokens: 40 });
      return json.choices[0].message.content;
    };
    const answers = await Promise.all([draw(1), draw(1), draw(2), draw(3)]);
    assert.equal(answers[0], answers[1]);
    assert.equal(new Set(answers).size, 3);
  });

  test('many at a time, streamed or not, get the answers that each would get alone', async () => {
    const answers = Object.entries<string>(readReference('tiny-chat').answers);
    const got = await Promise.all(
      [...answers, ...answers, ...answers].map(async ([question], i) => {
        if (i % 2 === 0) return (await chat(question)).json.choices[0].message.content;
        const messages = [{ role: 'user', content: question }];
        const response = await open({ model: 'chat', messages, temperature: 0, stream: true });
        const events = eventsOf(await response.text()).slice(0, -1);
        return events.map((event) => JSON.parse(event).choices[0].delta.content ?? '').join('');
      }),
    );
    assert.deepEqual(
      got,
      [...answers, ...answers, ...answers].map(([, answer]) => answer),
    );
  });

  for (const stream of [true, false]) {
    test(`when the client goes, the answer stops and its place is free (stream: ${stream})`, async () => {
      const leave = new AbortController();
      const body = { model: 'endless', stream, max_tokens: 900_000 };
      const first = open(body, leave.signal);
      if (stream) await (await first).body?.getReader().read();
      else await untilStatus(429, () => chat('hello', { model: 'endless', max_tokens: 1 }));
      const full = await chat('hello', { model: 'endless', max_tokens: 1 });
      assert.deepEqual([full.status, full.headers.get('retry-after')], [429, '1']);
      assert.equal(full.json.error.code, 'rate_limit_exceeded');
      leave.abort();
      await first.then((response) => response.body?.cancel()).catch(() => undefined);
      await untilStatus(200, () => chat('hello', { model: 'endless', max_tokens: 1 }));
    });
  }

  test('an answer that takes too long is a 504, or an error in the stream', async () => {
    const whole = await chat('hello', { model: 'late', max_tokens: 900_000 });
    assert.deepEqual([whole.status, whole.json.error.code], [504, 'timeout']);
    const response = await open({ model: 'late', stream: true, max_tokens: 900_000 });
    const last = JSON.parse(eventsOf(await response.text()).at(-1) ?? '');
    assert.equal(last.error.code, 'timeout');
  });

  test('the pod answers other requests while it writes', async () => {
    const written = chat('tell me a story');
    assert.equal((await pod.get('/v2/health/ready')).status, 200);
    assert.equal((await written).status, 200);
  });

  const refused: readonly [string, object, string, RegExp][] = [
    ['more than one answer', { n: 2 }, 'n', /not supported/],
    ['tools', { tools: [{ type: 'function' }] }, 'tools', /not supported/],
    ['JSON mode', { response_format: { type: 'json_object' } }, 'response_format', /not supported/],
    ['a negative temperature', { temperature: -1 }, 'temperature', /wrong/],
    ['no messages', { messages: [] }, 'messages', /wrong/],
    [
      'an image',
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'messages[0].content',
      /wrong/,
    ],
    ['too many tokens', { max_tokens: 513 }, 'max_tokens', /at most 512/],
    ['a model with no chat', { model: 'silent' }, 'model', /generation\.chat/],
    ['a model for something else', { model: 'embed' }, 'model', /generates no text/],
  ];
  for (const [what, more, param, message] of refused) {
    test(`${what} is a 400 that names the field`, async () => {
      const { status, json } = await chat('hello', more);
      assert.equal(status, 400, JSON.stringify(json));
      assert.equal(json.error.param, param);
      assert.match(json.error.message, message);
    });
  }

  test('a prompt that is too long is a 400 with the limit, streamed or not', async () => {
    for (const stream of [true, false]) {
      const { status, json } = await chat('x'.repeat(600), { stream });
      assert.equal(status, 400);
      assert.match(json.error.message, /603 tokens.*512/);
    }
  });

  test('fields that ask for nothing are taken', async () => {
    const more = { n: 1, tools: [], logprobs: false, response_format: { type: 'text' }, user: 'u' };
    assert.equal((await chat('hello', { ...more, stop: null, seed: null })).status, 200);
  });

  test('the model takes tensors too', async () => {
    const { json } = await pod.get('/v2/models/chat');
    assert.equal(json.inputs[0].name, 'input_ids');
  });
});

test('a pod that drains finishes the answers in hand', async (t) => {
  const repository = makeTextRepository({ chat: MODELS.chat });
  t.after(() => repository.remove());
  const pod = await startPod(['--repository', repository.path, '--drain-delay-ms', '0']);
  t.after(() => pod.stop());
  const response = await fetch(`http://127.0.0.1:${pod.port}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({
      model: 'chat',
      messages: [{ role: 'user', content: 'tell me a story' }],
      temperature: 0,
      stream: true,
    }),
  });
  pod.signal('SIGTERM');
  const events = eventsOf(await response.text());
  assert.equal(events.at(-1), '[DONE]');
  const texts = events.slice(0, -1).map((event) => JSON.parse(event).choices[0].delta.content);
  assert.equal(texts.join(''), STORY);
  assert.equal(await pod.exited, 0);
});

function eventsOf(text: string): string[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
}

async function untilStatus(wanted: number, ask: () => Promise<{ status: number }>): Promise<void> {
  while ((await ask()).status !== wanted) await new Promise(setImmediate);
}
