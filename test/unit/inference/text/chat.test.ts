import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { RequestError } from '../../../../inference/protocol/errors.ts';
import { type Chat, openChat } from '../../../../inference/text/chat.ts';
import { generationConfig } from '../../../../inference/text/text-config.ts';

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
/** As models have it that take turns strictly, and have no system. */
const STRICT =
  '{{ bos_token }}{% for message in messages %}' +
  "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}" +
  "{{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}{% endif %}" +
  "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] | trim + ' [/INST]' }}" +
  "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}";

let folder = '';

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  folder = mkdtempSync(join(tmpdir(), 'chat-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, content: unknown): void {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  writeFileSync(join(folder, file), text);
}

async function open(config: object = {}): Promise<Chat> {
  const chat = await openChat(folder, generationConfig.parse(config));
  assert.ok(chat !== undefined);
  return chat;
}

test('without a format and a template a model has no chat', async () => {
  assert.equal(await openChat(folder, generationConfig.parse({})), undefined);
  write('tokenizer_config.json', { eos_token: '</s>' });
  assert.equal(await openChat(folder, generationConfig.parse({})), undefined);
});

test('the template of the tokenizer writes the prompt', async () => {
  write('tokenizer_config.json', { chat_template: CHATML });
  const chat = await open();
  assert.equal(
    chat.prompt([
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'Hi {{ bos_token }}' },
    ]),
    '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi {{ bos_token }}<|im_end|>\n<|im_start|>assistant\n',
  );
  assert.equal(chat.addSpecialTokens, false);
});

test('special tokens are known as texts and as objects, and a refusal is that of the request', async () => {
  const bos = { content: '<s>', lstrip: false };
  write('tokenizer_config.json', { chat_template: STRICT, bos_token: bos, eos_token: '</s>' });
  const chat = await open();
  const turns = ['user', 'assistant', 'user'].map((role, i) => ({ role, content: ` ${i} ` }));
  assert.equal(chat.prompt(turns), '<s>[INST] 0 [/INST]  1 </s>[INST] 2 [/INST]');
  assert.throws(
    () => chat.prompt([{ role: 'assistant', content: 'x' }]),
    (error: Error) =>
      error instanceof RequestError &&
      error.code === 'invalid-argument' &&
      /"messages": .*Roles must alternate/.test(error.message),
  );
});

test('of several templates the default one counts', async () => {
  const chat_template = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: 'default {{ messages[0].content }}' },
  ];
  write('tokenizer_config.json', { chat_template });
  assert.equal((await open()).prompt([{ role: 'user', content: 'x' }]), 'default x');
});

test('a file of its own goes before, and config.yaml before both', async () => {
  write('tokenizer_config.json', { chat_template: 'old' });
  write('chat_template.jinja', 'new');
  assert.equal((await open()).prompt([]), 'new');
  assert.equal((await open({ chat: { answer: 'ours' } })).prompt([]), 'ours');
});

test('a template that cannot be read is named, with the way out', async () => {
  write('chat_template.jinja', '{% for %}');
  await assert.rejects(open(), /chat template .* cannot be read .*: write generation.chat/);
});
