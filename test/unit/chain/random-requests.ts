/** Random requests of all protocols, most of them good, and a mesh that has something for each. */
import { grpcFrame, mutatedBytes, type Random, randomMessage } from '../../harness/random-grpc.ts';
import { mutated, randomBody } from '../../harness/random-json.ts';
import { mutatedForm, randomForm } from '../../harness/random-multipart.ts';
import type { TestMesh, TestVariant } from './mesh.ts';
import { GRPC, grpcPath } from './messages.ts';
import type { TestRequest } from './travel.ts';

/** All under one name: what is sent then depends on no draw, only where it is sent. */
function variantsOf(served: TestVariant): TestVariant[] {
  return ['a', 'b', 'c'].map((name) => ({ name, ...served }));
}

interface Settings {
  readonly strict: boolean;
  readonly maxHoldBytes: number;
  /** Then there is a default route, too. */
  readonly defaultOverLimit?: boolean;
}

export function randomMesh({ strict, maxHoldBytes, defaultOverLimit = false }: Settings): TestMesh {
  const other = {
    strict,
    claims: [{ model: '', prefix: true }],
    stickyHeader: 'x-user',
    ...(strict ? { stickyField: 'input' } : {}),
    variants: variantsOf({}),
  };
  const renamed = { servedModel: 'größe "7"', servedVersion: '7' };
  return {
    maxHoldBytes,
    defaultOverLimit,
    modelHeader: 'x-model',
    routes: {
      plain: { strict, models: ['a', 'digits', 'whisper-1'] },
      renamed: { strict, models: ['grüße', 'llama-3:8b', '日本😀'], variants: [renamed] },
      sticky: {
        strict,
        models: ['model', '😀', 'org/llama-3:8b'],
        stickyHeader: 'x-user',
        ...(strict ? { stickyField: 'messages' } : {}),
        variants: variantsOf({ servedModel: 's' }),
      },
      nested: {
        strict,
        models: ['org/model:8b', 'a/b'],
        claims: [{ model: 'a string', prefix: true }],
        ...(strict ? { stickyField: 'x.model' } : {}),
        variants: variantsOf({ servedModel: 'a far longer name' }),
      },
      second: { strict, claims: [{ model: 'digits', version: '2' }], grpc: true },
      beta: { strict, claims: [{ model: 'digits', headers: { 'x-tier': 'beta' } }] },
      kserve: { strict, claims: [{ model: 'digits', protocol: 'KServeV1' }] },
      llm: { strict, models: ['llm'], variants: [{ protocol: 'OpenAI' }] },
      eu: { strict, hostname: '*.eu.example.com', models: ['digits', 'a'] },
      ...(defaultOverLimit ? { other } : {}),
    },
  };
}

export function randomRequest(next: Random): TestRequest {
  const kind = next(20);
  const request =
    kind < 8
      ? jsonRequest(next)
      : kind < 11
        ? formRequest(next)
        : kind < 15
          ? grpcRequest(next)
          : pathRequest(next);
  return { ...request, headers: { ...request.headers, ...randomHeaders(next) } };
}

/** A body in up to five pieces, cut anywhere; some may be empty. */
export function randomPieces(next: Random, body: Uint8Array): Buffer[] {
  const cuts = Array.from({ length: next(5) }, () => next(body.length + 1));
  const ends = [...cuts.toSorted((a, b) => a - b), body.length];
  return ends.map((end, index) => Buffer.from(body.subarray(ends[index - 1] ?? 0, end)));
}

function jsonRequest(next: Random): TestRequest {
  const { text } = randomBody(next);
  const body = next(3) > 0 ? text : mutated(text, next);
  return { path: pick(['/v1/chat/completions', '/v1/embeddings/?x'], next), body };
}

function formRequest(next: Random): TestRequest {
  const { boundary, body } = randomForm(next, false);
  const headers = { 'content-type': `multipart/form-data; boundary="${boundary}"` };
  const sent = next(3) > 0 ? body : mutatedForm(body, boundary, next);
  return { path: '/v1/audio/transcriptions', headers, body: sent };
}

const METHODS = ['ModelInfer', 'ModelInfer', 'ModelReady', 'ModelMetadata', 'ServerReady'];

function grpcRequest(next: Random): TestRequest {
  const isLoad = next(5) === 0;
  const message = isLoad ? randomMessage(next, 2, 0) : randomMessage(next, 1, 2);
  const method = isLoad ? 'RepositoryModelUnload' : pick(METHODS, next);
  const body = grpcFrame(message);
  const sent = next(3) > 0 ? body : mutatedBytes(body, next);
  return { path: grpcPath(method), headers: GRPC, body: sent };
}

const PATHS = [
  '/v2/models/digits/infer',
  '/v2/models/digits/versions/2/infer?x',
  '/v2/models/gr%C3%BC%C3%9Fe/infer',
  '/v2/models/gr%C3%BC%C3%9Fe/ready',
  '/v2/models/gr%C3%BC%C3%9Fe',
  '/v2/models/%F0%9F%98%80/versions/1',
  '/v2/models/llm',
  '/v2/models/llm/ready',
  '/v2/models/nope/infer',
  '/v2/models/%zz/infer',
  '/v2/models/a/../b',
  '/v2/repository/models/model/load',
  '/v2/repository/index',
  '/v2',
  '/v2/health/live',
  '/v1/models',
  '/v1/models/digits',
  '/v1/models/digits:predict',
  '/v1/models/llama-3:8b:explain',
  '/v1/realtime',
  '/anything',
  '/',
];

function pathRequest(next: Random): TestRequest {
  const path = pick(PATHS, next);
  const headers: Record<string, string> = {};
  if (next(2) === 0) headers['x-model'] = pick(['digits', 'grüße', '😀', 'nope'], next);
  return next(2) === 0 ? { path, headers } : { path, headers, body: pick(['', '{}', 'x'], next) };
}

function randomHeaders(next: Random): Record<string, string> {
  const headers: Record<string, string> = {};
  if (next(3) === 0) headers['x-user'] = pick(['ann', 'bob', 'üser', ''], next);
  if (next(6) === 0) headers['x-tier'] = 'beta';
  if (next(12) === 0) headers['content-encoding'] = pick(['gzip', 'identity'], next);
  if (next(5) === 0) headers[':authority'] = pick(['x.eu.example.com:80', 'example.com'], next);
  return headers;
}

function pick<T>(items: readonly T[], next: Random): T {
  return items[next(items.length)] as T;
}
