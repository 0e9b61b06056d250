import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEndpoint } from '../../../inference/server/endpoints.ts';

const CASES: [string, object | undefined][] = [
  ['/v2', { kind: 'server' }],
  ['/v2/', { kind: 'server' }],
  ['/v2/health/live', { kind: 'live' }],
  ['/v2/health/ready/', { kind: 'ready' }],
  ['/metrics?x=1', { kind: 'metrics' }],
  ['/v2/models/m', { kind: 'metadata', model: 'm', version: undefined }],
  ['/v2/models/m/versions/3/', { kind: 'metadata', model: 'm', version: '3' }],
  ['/v2/models/m/ready', { kind: 'model-ready', model: 'm', version: undefined }],
  ['/v2/models/m/infer?a=b', { kind: 'infer', model: 'm', version: undefined }],
  ['/v2/models/a%2Fb/versions/1/infer', { kind: 'infer', model: 'a/b', version: '1' }],
  ['/v2/models/m/stats', { kind: 'stats', model: 'm', version: undefined }],
  ['/v2/models/m/versions/3/stats', { kind: 'stats', model: 'm', version: '3' }],
  ['/v2/models/m/config', { kind: 'config', model: 'm', version: undefined }],
  ['/v2/models/stats', { kind: 'all-stats' }],
  ['/v2/repository/index', { kind: 'index' }],
  ['/v2/repository/models/a%2Fb/load', { kind: 'load', model: 'a/b' }],
  ['/v2/repository/models/m/unload/', { kind: 'unload', model: 'm' }],
  ['/v2/repository/models/m/reload', undefined],
  ['/v2/repository/models/%zz/load', undefined],
  ['/health', { kind: 'ready' }],
  ['/v2/models/%zz/infer', undefined],
  ['/v2/models/m/versions/%zz', undefined],
  ['/v2/models', undefined],
  ['/v2/models//infer', undefined],
  ['/v2/models/m/other', undefined],
  ['/v2/models/m/versions', undefined],
  ['/constructor', undefined],
  ['/', undefined],
  ['*', undefined],
];
for (const [path, expected] of CASES) {
  test(`${path} is ${expected ? JSON.stringify(expected) : 'nothing'}`, () => {
    assert.deepEqual(parseEndpoint(path), expected);
  });
}
