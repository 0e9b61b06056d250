import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { ModuleServer, modulePath } from '../../../control-plane/status/module-server.ts';

const SHA256 = 'ab'.repeat(32);
const CODE = Buffer.from('0061736d01000000', 'hex');

async function served(t: TestContext): Promise<number> {
  const server = new ModuleServer(new Map([[SHA256, CODE]]));
  t.after(() => server.close());
  return server.listen('127.0.0.1', 0);
}

/** Not by `fetch`, which rewrites paths. */
async function ask(port: number, path: string, method = 'GET') {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number | undefined;
    headers: Readonly<Record<string, unknown>>;
    body: Buffer;
  }>();
  request({ host: '127.0.0.1', port, path, method }, async (response) => {
    const body = Buffer.concat(await response.toArray());
    resolve({ status: response.statusCode, headers: response.headers, body });
  })
    .on('error', reject)
    .end();
  return promise;
}

test('a module is had by its hash, and may be kept for ever', async (t) => {
  const port = await served(t);
  const { status, headers, body } = await ask(port, modulePath(SHA256));
  assert.equal(status, 200);
  assert.deepEqual(body, CODE);
  assert.equal(headers['content-type'], 'application/wasm');
  assert.match(String(headers['cache-control']), /immutable/);
  const again = await ask(port, `${modulePath(SHA256)}?attempt=1.2`);
  assert.deepEqual(again.body, CODE);
});

test('a head says how long it is, and gives nothing', async (t) => {
  const { status, headers, body } = await ask(await served(t), modulePath(SHA256), 'HEAD');
  assert.deepEqual([status, headers['content-length'], body.length], [200, '8', 0]);
});

test('what is not there may be there later: nobody may keep the answer', async (t) => {
  const port = await served(t);
  for (const path of [
    modulePath('cd'.repeat(32)),
    modulePath(SHA256.toUpperCase()),
    '/modules/chain.wasm',
    `/modules/../../etc/passwd`,
    `/modules/${SHA256}.wasm/`,
    '/',
  ]) {
    const { status, headers } = await ask(port, path);
    assert.deepEqual([status, headers['cache-control']], [404, 'no-store'], path);
  }
});

test('nothing can be put there', async (t) => {
  const port = await served(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const { status, headers } = await ask(port, modulePath(SHA256), method);
    assert.deepEqual([status, headers['allow']], [405, 'GET, HEAD'], method);
  }
});
