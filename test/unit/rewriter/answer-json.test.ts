/** JSON answers on their way back: which name is replaced, what is counted, and what is left alone. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonEditor } from '../../../filters/rewriter/answer/answer-editor.ts';
import type { AnswerEditor } from '../../../filters/rewriter/answer/editor.ts';
import { StringRun } from '../../../filters/wire/string-run.ts';
import { editPieces, editSplits } from '../../fuzz/answer/edit-pieces.ts';
import { everySplit } from '../../harness/read-body.ts';

const LONGEST = 'n'.repeat(512 * 6);

function editor(protocol = 'OpenAI', jsonBytes = -1, publicModel = 'digits'): AnswerEditor {
  return jsonEditor(protocol, publicModel, true, true, jsonBytes, new StringRun());
}

const CASES: readonly {
  name: string;
  protocol?: string;
  body: string;
  /** Absent: the body stays as it is. */
  expected?: string;
  /** In and out. */
  tokens?: readonly [number, number];
}[] = [
  {
    name: 'the name is replaced, whatever it is, and blanks around it stay',
    body: '{"id":"1", "model" :\r\n "gpt-4o-2024-08-06" ,"x":[]}\n',
    expected: '{"id":"1", "model" :\r\n "digits" ,"x":[]}\n',
  },
  {
    name: 'Open Inference calls it model_name',
    protocol: 'OpenInference',
    body: '{"model":"a","model_name":"b"}',
    expected: '{"model":"a","model_name":"digits"}',
  },
  { name: 'the public name stays as it is', body: '{"model":"digits"}' },
  {
    name: 'a key may be escaped',
    body: '{"mod\\u0065l":"a"}',
    expected: '{"mod\\u0065l":"digits"}',
  },
  {
    name: 'a name may be empty, or have quotes, brackets and bytes beyond ASCII',
    body: '{"model":"","x":1}',
    expected: '{"model":"digits","x":1}',
  },
  {
    name: 'escapes in a name do not end it',
    body: '{"model":"a\\"}\\\\\\u0022ü","x":1}',
    expected: '{"model":"digits","x":1}',
  },
  { name: 'keys of objects further in stay', body: '{"a":{"model":"x"},"b":[{"model":"x"}]}' },
  { name: 'in a body, response is an object like any other', body: '{"response":{"model":"x"}}' },
  { name: 'strings that look like objects are passed', body: '{"a":"{\\"model\\":\\"x\\"}"}' },
  {
    name: 'what is deeper than any stack is passed',
    body: `{"a":${'['.repeat(2000)}${']'.repeat(2000)},"model":"x"}`,
    expected: `{"a":${'['.repeat(2000)}${']'.repeat(2000)},"model":"digits"}`,
  },
  { name: 'only a string is a name', body: '{"model":null,"x":{"model":["x"]}}' },
  { name: 'a key in another case is another key', body: '{"Model":"x","models":"y","mode":"z"}' },
  {
    name: 'of two equal keys the first is replaced',
    body: '{"model":"a","model":"b"}',
    expected: '{"model":"digits","model":"b"}',
  },
  {
    name: 'a byte order mark is let pass',
    body: '\ufeff{"model":"a"}',
    expected: '\ufeff{"model":"digits"}',
  },
  { name: 'an array has no name', body: '[{"model":"a"}]' },
  { name: 'no body at all', body: '' },
  {
    name: 'the longest name is replaced',
    body: `{"model":"${LONGEST}"}`,
    expected: '{"model":"digits"}',
  },
  { name: 'a longer one stays', body: `{"model":"${LONGEST}n","model":"b"}` },
  {
    name: 'a name that is cut off stays',
    body: '{"model":"a',
  },
  { name: 'a name with a line in it stays', body: '{"model":"a\nb","x":1}' },
  { name: 'behind what is no JSON nothing is replaced', body: '{"x" 1,"model":"a"}' },
  {
    name: 'a second document stays',
    body: '{"model":"a"}{"model":"b"}',
    expected: '{"model":"digits"}{"model":"b"}',
  },
  {
    name: 'tokens are counted',
    body: '{"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46}}',
    tokens: [12, 34],
  },
  {
    name: 'tokens may have the names of the Responses API, and exponents',
    body: '{"usage": {"input_tokens": 1.2e1, "output_tokens": 0}}',
    tokens: [12, 0],
  },
  {
    name: 'details of the usage are not taken for it',
    body: '{"usage":{"prompt_tokens":3,"d":{"prompt_tokens":7,"completion_tokens":7}}}',
    tokens: [3, -1],
  },
  {
    name: 'what counts nothing is not counted',
    body: '{"usage":{"prompt_tokens":"3","completion_tokens":-3,"output_tokens":1.5,"input_tokens":1e999}}',
  },
  { name: 'a usage of null counts nothing', body: '{"usage":null,"prompt_tokens":1}' },
  {
    name: 'a number that goes on for ever counts nothing',
    body: `{"usage":{"prompt_tokens":${'0'.repeat(99)}1}}`,
  },
];

for (const { name, protocol, body, expected = body, tokens = [-1, -1] } of CASES) {
  test(`JSON: ${name}`, () => {
    const bytes = Buffer.from(body);
    const splits = bytes.length < 2000 ? everySplit(bytes.length) : [[9, 2000], [3078], [3081]];
    const { whole } = editSplits(() => editor(protocol), bytes, splits);
    assert.equal(Buffer.from(whole.text, 'latin1').toString(), expected);
    assert.deepEqual([whole.tokensIn, whole.tokensOut], tokens);
    assert.equal(whole.replaced, expected === body ? 0 : 1);
  });
}

test('the public name is written as JSON has it', () => {
  const { text } = editPieces(editor('OpenAI', -1, 'a "b"/ü'), Buffer.from('{"model":"x"}'));
  assert.equal(JSON.parse(text).model, 'a "b"/ü');
});

test('behind the JSON of a binary body nothing is read', () => {
  const json = '{"outputs":[],"model_name":"x"}';
  const body = Buffer.from(`${json}{"model_name":"x"}`);
  for (const jsonBytes of [json.length, json.length + 1]) {
    const { whole } = editSplits(
      () => editor('OpenInference', jsonBytes),
      body,
      everySplit(body.length),
    );
    assert.equal(whole.text, '{"outputs":[],"model_name":"digits"}{"model_name":"x"}');
  }
  const { whole } = editSplits(
    () => editor('OpenInference', json.length - 2),
    body,
    everySplit(body.length),
  );
  assert.equal(whole.text, body.toString(), 'a name that goes on in the tensors is none');
});

test('its growth is settled once the name is known, and else at the end of the object', () => {
  const settledAfter = (body: string): number => {
    const one = editor();
    for (let at = 0; at < body.length; at++) {
      one.transform(Buffer.from(body.slice(at, at + 1)), 1, false);
      if (one.settled) return at + 1;
    }
    return -1;
  };
  assert.equal(settledAfter('{"model":"x","usage":{}}'), '{"model":"x"'.length);
  assert.equal(settledAfter('{"error":"x"}\n'), '{"error":"x"}'.length);
  assert.equal(settledAfter('[1]'), 1);
  assert.equal(settledAfter('{"a":1'), -1);
  const cut = editor();
  cut.transform(Buffer.from('{"a":1'), 6, true);
  assert.ok(cut.settled, 'a body that is over');
});

test('an editor that has nothing to do is settled from the beginning and changes nothing', () => {
  const idle = jsonEditor('OpenAI', 'digits', false, false, -1, new StringRun());
  assert.ok(idle.settled);
  assert.equal(idle.transform(Buffer.from('{"model":"x"}'), 13, true), null);
  const counting = jsonEditor('OpenAI', 'digits', false, true, -1, new StringRun());
  assert.ok(counting.settled);
});

test('only the bytes of a name are kept back', () => {
  const one = editor();
  const first = Buffer.from('{"id":"1","model":"llam');
  const sent = one.transform(first, first.length, false) ?? first;
  assert.equal(Buffer.from(sent).toString(), '{"id":"1","model":');
  const more = one.transform(Buffer.from('a-3'), 3, false);
  assert.equal(more?.length, 0);
  const last = one.transform(Buffer.from('"}'), 2, true);
  assert.equal(Buffer.from(last ?? []).toString(), '"digits"}');
  assert.equal(one.growth, '"digits"'.length - '"llama-3"'.length);
});
