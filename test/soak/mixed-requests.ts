/** What the clients of the mixed soak send: for each kind of route and of mistake some. */
import { CHAT_PATH, chatBody } from '../bench/router/chat-body.ts';
import { requestBytes, type SoakRequest } from './requests.ts';
import { MODELS } from './resources.ts';

const JSON_TYPE = 'application/json';
const BOUNDARY = 'modelweir-soak-0123456789abcdef';
const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const USERS = 4;

/** A thousand in all. */
export const MIXED_REQUESTS: readonly SoakRequest[] = [
  chat('chat, 1 kB, model first', 300, chatBody(MODELS.chat, 'first', 1000)),
  chat('chat, 1 kB, model last', 150, chatBody(MODELS.chat, 'last', 1000)),
  chat('chat, 20 kB, model first', 50, chatBody(MODELS.chat, 'first', 20_000)),
  chat('chat, 20 kB, model last', 40, chatBody(MODELS.chat, 'last', 20_000)),
  chat('chat, 200 kB, model first', 5, chatBody(MODELS.chat, 'first', 200_000)),
  chat('chat, 200 kB, model last', 5, chatBody(MODELS.chat, 'last', 200_000)),
  chat('renamed, 1 kB, model first', 80, chatBody(MODELS.renamed, 'first', 1000)),
  chat('renamed, 20 kB, model last', 20, chatBody(MODELS.renamed, 'last', 20_000)),
  ...Array.from({ length: USERS }, (_, user) => bySticky(user)),
  post('infer', 100, `/v2/models/${MODELS.tensors}/infer`, JSON_TYPE, '{"inputs":[]}', 200),
  request('metadata', 10, 'GET', `/v2/models/${MODELS.tensors}`, {}, '', 200),
  request('list of models', 10, 'GET', '/v1/models', {}, '', 200),
  post('form', 40, '/v1/audio/transcriptions', FORM_TYPE, form(MODELS.chat, 3000), 200),
  post('form, renamed', 20, '/v1/audio/transcriptions', FORM_TYPE, form(MODELS.renamed, 100), 200),
  chat('unknown model', 30, chatBody('nobody-has-it', 'first', 1000), 404),
  chat('no model', 10, '{"messages":[]}', 400),
  chat('malformed', 20, chatBody(MODELS.chat, 'last', 1000).replace(/,"model"/, ',,"model"'), 400),
  chat('malformed behind the model', 10, `{"model":"${MODELS.chat}","messages":[}`, 400),
  chat('two models', 10, `{"model":"${MODELS.chat}","model":"${MODELS.renamed}"}`, 400),
  hangUp('hangs up before the model', 5, chatBody(MODELS.chat, 'last', 20_000), 0.5),
  hangUp('hangs up behind the model', 5, chatBody(MODELS.chat, 'first', 20_000), 0.5),
  hangUp('hangs up in a form', 3, form(MODELS.chat, 3000), 0.3, FORM_TYPE),
];

function chat(name: string, share: number, body: string, expected = 200): SoakRequest {
  return post(name, share, CHAT_PATH, JSON_TYPE, body, expected);
}

function bySticky(user: number): SoakRequest {
  const body = { user: `user-${user}`, messages: ['x'.repeat(500)], model: MODELS.sticky };
  return chat(`sticky, user ${user}`, 20, JSON.stringify(body));
}

function post(
  name: string,
  share: number,
  path: string,
  type: string,
  body: string,
  expected: number | null,
): SoakRequest {
  return request(name, share, 'POST', path, { 'content-type': type }, body, expected);
}

/** Sends all of its head, and of its body only this part. */
function hangUp(
  name: string,
  share: number,
  body: string,
  part: number,
  type = JSON_TYPE,
): SoakRequest {
  const whole = post(name, share, CHAT_PATH, type, body, null);
  const size = whole.bytes.length - Math.ceil(body.length * (1 - part));
  return { ...whole, bytes: whole.bytes.subarray(0, size) };
}

function request(
  name: string,
  share: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  expected: number | null,
): SoakRequest {
  return { name, share, bytes: requestBytes(method, path, headers, body), expected };
}

function form(model: string, fileBytes: number): string {
  const disposition = 'Content-Disposition: form-data; name=';
  return [
    `--${BOUNDARY}\r\n${disposition}"file"; filename="a.wav"\r\n\r\n${'\r\n-x'.repeat(fileBytes / 4)}\r\n`,
    `--${BOUNDARY}\r\n${disposition}"model"\r\n\r\n${model}\r\n`,
    `--${BOUNDARY}--\r\n`,
  ].join('');
}
