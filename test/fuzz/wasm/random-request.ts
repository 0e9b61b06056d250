/** Random requests of all protocols, good and bad, and how they come: in which pieces, and how they end. */

import { grpcFrame, randomMessage } from '../../harness/random-grpc.ts';
import type { Random } from '../../harness/random-json.ts';
import { randomForm } from '../../harness/random-multipart.ts';
import { JSON_PIECES, randomJson } from '../json/random-json-bytes.ts';
import { mutated, pick } from '../mutated.ts';
import { randomCuts } from '../read-splits.ts';
import type { FuzzCase } from '../target.ts';
import { MESHES, MODEL_HEADER, STICKY_HEADER, TENANT_HEADER } from './meshes.ts';

/** How a request ends: with its last piece, with an empty one, with trailers; or without a body. */
export type End = 'last piece' | 'empty piece' | 'trailers' | 'headers';

export interface WasmSetting {
  /** Index into `MESHES`. */
  readonly mesh: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends of all pieces but the last. */
  readonly cuts: readonly number[];
  readonly end: End;
  /** After so many pieces the client hangs up; -1: it stays. */
  readonly hangsUpAfter: number;
}

interface RandomRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const NAMES = [
  'a',
  'gpt-4o',
  'digits',
  'org%2Fllama-3:8b',
  'org/llama-3:8b',
  'gr%C3%BC%c3%9fe',
  'grüße',
].concat(['unknown', '%', '%zz', '..', '%2e%2E', '', 'a%00b', '%ff', 'a:predict', 'n'.repeat(600)]);
const MODELS = ['a', 'gpt-4o', 'org/llama-3:8b', 'mode', 'unknown'].concat(
  ['grüße', '日本'].map((name) => Buffer.from(name).toString('latin1')),
);
const OPENAI_PATHS = [
  '/v1/chat/completions',
  '/v1/embeddings',
  '/v1/completions/',
  '/v1/responses?a=b',
];
const FORM_PATHS = ['/v1/audio/transcriptions', '/v1/images/edits', '/v1/audio/translations/'];
const OTHER_PATHS = [
  '/',
  '/v1',
  '/v1/models',
  '/v1/models/',
  '/v2',
  '/v2/',
  '/v2/health/ready',
  '*',
].concat([
  '/v2/repository/index',
  '/v1/chat',
  '/v1/files',
  '/metrics',
  '/v2/models',
  '/v2/models/',
  '',
  '?',
]);
const GRPC_METHODS = [
  'ModelInfer',
  'ModelStreamInfer',
  'RepositoryModelLoad',
  'ServerLive',
  'ModelReady',
  '',
];
const METHODS = ['POST', 'POST', 'POST', 'GET', 'GET', 'PUT', 'HEAD', 'DELETE', 'OPTIONS'];
const HOSTS = [
  'mesh:8080',
  'eu.example.com',
  'EU.example.com:443',
  'x.y.example.com.',
  '[::1]:80',
  '',
  '.',
];
const USERS = ['u1', 'u2', 'ü', ''];
const TYPES = [
  'application/json',
  'text/plain',
  'Multipart/mixed',
  'multipart/form-data; boundary=',
  'm',
];
const ENDS: readonly End[] = ['last piece', 'last piece', 'empty piece', 'trailers'];

/** Beyond the windows in which bodies are read. */
const BIG_BYTES = [2048, 65_536, 131_072];

export function randomRequest(random: Random): FuzzCase<WasmSetting> {
  const request = requestOf(random);
  const end = request.body.length === 0 && random(2) === 0 ? 'headers' : pick(ENDS, random);
  const headers: Record<string, string> = {
    ':method': request.method,
    ':path': random(12) === 0 ? bent(request.path, random) : request.path,
    ':authority': random(2) === 0 ? 'mesh:8080' : pick(HOSTS, random),
    ...request.headers,
  };
  if (random(2) === 0) headers[STICKY_HEADER] = pick(USERS, random);
  if (random(4) === 0) headers[TENANT_HEADER] = pick(['gold', 'lead', ''], random);
  if (random(8) === 0)
    headers[MODEL_HEADER] = pick(['a', 'gpt-4o', 'unknown', 'digits', ''], random);
  if (random(30) === 0) headers['content-encoding'] = pick(['gzip', 'identity'], random);
  if (random(40) === 0) headers['upgrade'] = 'websocket';
  if (random(60) === 0) headers['content-type'] = pick(TYPES, random);
  if (end !== 'headers' && random(2) === 0) headers['content-length'] = String(request.body.length);
  const cuts = random(3) === 0 ? [] : randomCuts(request.body.length, random);
  const hangsUpAfter = random(8) === 0 ? random(cuts.length + 2) : -1;
  const mesh = random(MESHES.length);
  return { body: request.body, setting: { mesh, headers, cuts, end, hangsUpAfter } };
}

function requestOf(random: Random): RandomRequest {
  const kind = random(10);
  if (kind <= 3) return openAi(random);
  if (kind === 4) return form(random);
  if (kind <= 6) return grpc(random);
  const path = kind === 9 ? pick(OTHER_PATHS, random) : modelPath(random);
  const body = Buffer.from(random(2) === 0 ? '' : '{"inputs":[]}');
  return { method: pick(METHODS, random), path, headers: {}, body };
}

function openAi(random: Random): RandomRequest {
  let text = random(2) === 0 ? usualJson(random) : randomJson(random, random(2) === 0);
  if (random(50) === 0) {
    const filler = 'x'.repeat(pick(BIG_BYTES, random) + random(200) - 100);
    text = text.replace('{', `{"filler":"${filler}",`);
  }
  const body = Buffer.from(text, 'latin1');
  return {
    method: pick(METHODS, random),
    path: pick(OPENAI_PATHS, random),
    headers: random(2) === 0 ? { 'content-type': 'application/json' } : {},
    body: random(4) === 0 ? mutated(body, JSON_PIECES, random) : body,
  };
}

/** As clients write it: with a model that a mesh may know, and fields that it may want, in any order. */
function usualJson(random: Random): string {
  const entries = [`"model":"${pick(MODELS, random)}"`, `"prompt":"${'x'.repeat(random(90))}"`];
  if (random(2) === 0) entries.push(`"user":"u${random(5)}"`);
  if (random(2) === 0) entries.push(`"metadata":{"tenant":${random(5)}}`);
  if (random(20) === 0) entries.push(`"Model":"a"`);
  const shuffled = [...entries].flatMap(() => entries.splice(random(entries.length), 1));
  return `{${shuffled.join(',')}}`;
}

function form(random: Random): RandomRequest {
  const { body, boundary } = randomForm(random, false);
  return {
    method: 'POST',
    path: pick(FORM_PATHS, random),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: random(4) === 0 ? mutated(body, ['\r\n', `--${boundary}`, 'model'], random) : body,
  };
}

function grpc(random: Random): RandomRequest {
  const method = pick(GRPC_METHODS, random);
  const isLoad = method.startsWith('Repository');
  const frames = [grpcFrame(randomMessage(random, isLoad ? 2 : 1, isLoad ? 0 : 2))];
  while (random(4) === 0) frames.push(frames[0] as Uint8Array);
  const body = Buffer.concat(frames);
  return {
    method: 'POST',
    path: `/inference.GRPCInferenceService/${method}`,
    headers: { 'content-type': random(20) === 0 ? 'application/grpc-web' : 'application/grpc' },
    body: random(4) === 0 ? mutated(body, ['\0', '\x0a\x01a', '\x12\x011'], random) : body,
  };
}

function modelPath(random: Random): string {
  const name = pick(NAMES, random);
  const kind = random(6);
  if (kind === 0)
    return `/v1/models/${name}${pick([':predict', ':explain', '', ':', '/x'], random)}`;
  if (kind === 1) return `/v2/repository/models/${name}/${pick(['load', 'unload', ''], random)}`;
  const version = random(3) === 0 ? `/versions/${pick(['1', '2', '', '%32', '..'], random)}` : '';
  const rest = pick(
    ['/infer', '/infer', '', '', '/ready', '/', '/stats?x=/y', '#z', '/../infer'],
    random,
  );
  return `/v2/models/${name}${version}${rest}`;
}

/** A path with a character put in or taken out. */
function bent(path: string, random: Random): string {
  const at = random(path.length + 1);
  const piece = pick(['', '/', '%', '?', '#', '.', ':', 'ü', '%2f', '//', '\\', '"'], random);
  return path.slice(0, at) + piece + path.slice(at + random(2));
}
