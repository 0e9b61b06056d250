import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatPrompt } from '../../../../inference/text/chat-prompt.ts';
import { chatFormat } from '../../../../inference/text/text-config.ts';

const CHATML = chatFormat.parse({
  begin: '<s>',
  system: { before: '<|im_start|>system\n', after: '<|im_end|>\n' },
  user: { before: '<|im_start|>user\n', after: '<|im_end|>\n' },
  assistant: { before: '<|im_start|>assistant\n', after: '<|im_end|>\n' },
  answer: '<|im_start|>assistant\n',
});

test('messages stand in order between the texts of their roles', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
    { role: 'user', content: 'Bye' },
  ];
  assert.equal(
    chatPrompt(messages, CHATML),
    '<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n' +
      '<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n',
  );
});

test('a developer is a system', () => {
  assert.equal(
    chatPrompt([{ role: 'developer', content: 'x' }], CHATML),
    chatPrompt([{ role: 'system', content: 'x' }], CHATML),
  );
});

test('a role that the model does not take is refused by its place', () => {
  const messages = [
    { role: 'user', content: 'x' },
    { role: 'tool', content: 'y' },
  ];
  assert.throws(() => chatPrompt(messages, CHATML), /"messages\[1\]\.role".*"tool"/);
  const noSystem = chatFormat.parse({});
  assert.throws(() => chatPrompt([{ role: 'system', content: 'x' }], noSystem), /"system"/);
});
