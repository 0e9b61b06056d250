/** Streams of events on their way back: lines, events, and the names in their data. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventEditor } from '../../../filters/rewriter/answer/answer-editor.ts';
import type { AnswerEditor } from '../../../filters/rewriter/answer/editor.ts';
import { StringRun } from '../../../filters/wire/string-run.ts';
import { editSplits } from '../../fuzz/answer/edit-pieces.ts';
import { answerTarget } from '../../fuzz/answer/target.ts';
import { randomSource } from '../../harness/random.ts';
import { everySplit } from '../../harness/read-body.ts';

function editor(protocol = 'OpenAI', countTokens = true): AnswerEditor {
  return eventEditor(protocol, 'digits', true, countTokens, new StringRun());
}

/** Names `"x"` are replaced, and no others: each case says by its letters what has to happen. */
const CASES: readonly {
  name: string;
  protocol?: string;
  body: string;
  tokens?: readonly [number, number];
}[] = [
  {
    name: 'each event has its name replaced',
    body: 'data: {"model":"x"}\n\ndata: {"model":"x"}\n\ndata: [DONE]\n\n',
  },
  { name: 'the blank behind the colon may be missing', body: 'data:{"model":"x"}\n\n' },
  {
    name: 'lines may end with CRLF',
    body: 'data: {"model":"x"}\r\n\r\ndata: {"model":"x"}\r\n\r\n',
  },
  { name: 'lines may end with CR', body: 'data: {"model":"x"}\r\rdata: {"model":"x"}\r\r' },
  {
    name: 'comments and other fields are passed',
    body: ': {"model":"y"}\n:\nevent: {"model":"y"}\ndata: {"model":"x"}\nid: 1\n\ndatum: {"model":"y"}\n\n',
  },
  {
    name: 'a field without a colon, or with a blank before it, has no data',
    body: 'data\n\ndata : {"model":"y"}\n\n{"model":"y"}\n\n data: {"model":"y"}\n\ndata: {"model":"x"}\n\n',
  },
  {
    name: 'data may go over lines, with others between them',
    body: 'data: {"a": 1\ndata: ,"model"\n: ping\r\ndata:\ndata: : "x"\ndata: }\n\n',
  },
  {
    name: 'a string does not go over lines',
    body: 'data: {"model":"y\ndata: z"}\n\ndata: {"model\ndata: ":"y"}\n\ndata: {"model":"x"}\n\n',
  },
  {
    name: 'an escape does not go over lines',
    body: 'data: {"a":"\\\ndata: ","model":"y"}\n\ndata: {"model":"x"}\n\n',
  },
  {
    name: 'an event that is no JSON does not touch the next',
    body: 'data: {"a":["model":"y"}\n\ndata: nothing {"model":"y"}\n\ndata: {"model":"x"}\n\n',
  },
  { name: 'an event without an end is edited too', body: 'data: {"model":"x"}' },
  { name: 'a byte order mark is let pass', body: '\ufeffdata: {"model":"x"}\n\n' },
  {
    name: 'events of the Responses API have it in their response',
    body:
      'event: response.created\ndata: {"type":"response.created","response":{"id":"r","model":"x","a":{"model":"y"}}}\n\n' +
      'event: response.completed\ndata: {"response":{"model":"x","usage":{"input_tokens":5,"output_tokens":6}}}\n\n',
    tokens: [5, 6],
  },
  {
    name: 'further in it stays',
    body: 'data: {"choices":[{"model":"y"}],"a":{"response":{"model":"y"}},"response":[{"model":"y"}]}\n\n',
  },
  {
    name: 'streams of Open Inference call it model_name',
    protocol: 'OpenInference',
    body: 'data: {"model_name":"x","text_output":"a"}\n\n',
  },
  { name: 'those of others do not', body: 'data: {"model_name":"y"}\n\n' },
  {
    name: 'the last usage counts, and one of null says nothing',
    body:
      'data: {"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\n' +
      'data: {"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\ndata: {"usage":null}\n\n',
    tokens: [5, 2],
  },
];

for (const { name, protocol, body, tokens = [-1, -1] } of CASES) {
  test(`events: ${name}`, () => {
    const bytes = Buffer.from(body);
    const { whole } = editSplits(() => editor(protocol), bytes, everySplit(bytes.length));
    const expected = body.replaceAll('"x"', '"digits"');
    assert.equal(Buffer.from(whole.text, 'latin1').toString(), expected);
    assert.deepEqual([whole.tokensIn, whole.tokensOut], tokens);
    assert.equal(whole.replaced, body.split('"x"').length - 1);
    if (tokens[0] >= 0) return;
    const { whole: uncounted } = editSplits(() => editor(protocol, false), bytes, [[1]]);
    assert.equal(uncounted.text, whole.text, 'without counting');
  });
}

test('a stream is never settled while its names are replaced', () => {
  const one = editor();
  const event = Buffer.from('data: {"model":"x"}\n\n');
  for (let count = 0; count < 3; count++) {
    one.transform(event, event.length, false);
    assert.equal(one.settled, false);
  }
  assert.equal(one.growth, 3 * ('digits'.length - 'x'.length));
});

test('an event goes on at once, but for the beginning of a name', () => {
  const one = editor();
  const piece = Buffer.from('data: {"id":"1","model":');
  assert.equal(one.transform(piece, piece.length, false), null);
  const name = Buffer.from('"lla');
  assert.equal(one.transform(name, name.length, false)?.length, 0);
  const rest = Buffer.from('ma"');
  const sent = one.transform(rest, rest.length, false);
  assert.equal(Buffer.from(sent ?? []).toString(), '"digits"');
});

test('random answers of all kinds are edited as JSON.parse and a protobuf library say', () => {
  for (let seed = 0; seed < 3000; seed++) {
    const generated = answerTarget.generate(randomSource(seed));
    assert.doesNotThrow(() => answerTarget.check(generated), `seed ${seed}`);
  }
});
