/** The quickstart as a user runs it: it works, it says what is wrong, and it leaves nothing behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { inferBody } from '../../../control-plane/cli/quickstart/open-inference.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import { type Quickstart, startQuickstart } from './quickstart-process.ts';
import { until } from './waiting.ts';

const READY_TIMEOUT_MS = 60_000;
const LAST_WORDS = 'Ctrl-C ends it all.';

test('quickstart --check sees routes, a sticky canary, batches and a protocol error', async (t) => {
  const run = startQuickstart(t, ['--check', '--port', String(await freePort())]);
  const exit = await run.child.exited;
  assert.deepEqual(exit, { code: 0, signal: null, startError: null }, run.output());
  assert.equal(run.output().match(/^ {2}ok {6}/gm)?.length, 10, run.output());
  assert.doesNotMatch(run.output(), /FAILED/);
  await nothingIsLeft(run);
});

for (const signals of [['SIGTERM'], ['SIGINT', 'SIGINT']] as const) {
  const name = signals.join(' and again ');
  test(`${name} ends it with exit code 0 and leaves no process and no file`, async (t) => {
    const { run } = await startReady(t);
    // Pods, control plane, Envoy, and the one that cleans up if all else fails.
    assert.equal(run.processes().length, 5, run.output());
    assert.equal(run.files().length, 1);
    for (const signal of signals) process.kill(run.child.pid, signal);
    assert.deepEqual(await run.child.exited, { code: 0, signal: null, startError: null });
    await nothingIsLeft(run);
  });
}

test('SIGKILL too leaves no process and no file', async (t) => {
  const { run } = await startReady(t);
  process.kill(run.child.pid, 'SIGKILL');
  await run.child.exited;
  await nothingIsLeft(run);
});

test('Ctrl-C while it starts leaves nothing either', async (t) => {
  const run = startQuickstart(t, ['--port', String(await freePort())]);
  await until('it has started something', () => run.processes().length > 1);
  process.kill(run.child.pid, 'SIGINT');
  assert.deepEqual(await run.child.exited, { code: 0, signal: null, startError: null });
  await nothingIsLeft(run);
});

test('what it prints can be used: addresses, folder, and an edit there is served', async (t) => {
  // The pods get other ports than the examples name, so that the folder is one that a test may edit.
  const ports = [await freePort(), await freePort()];
  const flags = ['--pod-port-a', String(ports[0]), '--pod-port-b', String(ports[1])];
  const { run, url } = await startReady(t, flags);
  for (const port of ports) assert.match(run.output(), new RegExp(`127\\.0\\.0\\.1:${port}$`, 'm'));
  const folder = /Resources +(\S+) /.exec(run.output())?.[1] ?? '';
  const status = /Status +(\S+)/.exec(run.output())?.[1] ?? '';
  const report = JSON.parse((await exchange({ url: status })).body.toString());
  assert.deepEqual(
    report.proxies.map((proxy: { nodeId: string }) => proxy.nodeId),
    ['quickstart'],
  );

  const file = join(folder, 'digits.yaml');
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes('weight: 90'), text);
  writeFileSync(file, text.replace('weight: 90', 'weight: 0'));
  let variants = new Set<unknown>();
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    variants = new Set(await Promise.all(Array.from({ length: 20 }, (_, i) => variantOf(url, i))));
    if (variants.size === 1 && variants.has('canary')) break;
  }
  assert.deepEqual([...variants], ['canary']);
});

test('two of them run side by side: the second takes other ports', async (t) => {
  const [first, second] = await Promise.all([startReady(t), startReady(t)]);
  const podPorts = [first, second].flatMap(({ run }) => [
    ...run.output().matchAll(/^ +pod-[ab] +http:\/\/127\.0\.0\.1:(\d+)$/gm),
  ]);
  assert.equal(new Set(podPorts.map(([, port]) => port)).size, 4);
  assert.notEqual(first.url, second.url);
});

const PORT_FLAGS = [
  '--port',
  '--admin-port',
  '--xds-port',
  '--status-port',
  '--pod-port-a',
  '--pod-port-b',
];
for (const flag of PORT_FLAGS) {
  test(`a taken port is said plainly, with ${flag} and a port that is free`, async (t) => {
    const taken = await takePort(t);
    const port = flag === '--port' ? [] : ['--port', String(await freePort())];
    const run = startQuickstart(t, [...port, flag, String(taken)]);
    assert.equal((await run.child.exited).code, 1);
    const message = `port ${taken} on 127\\.0\\.0\\.1 is taken.*${flag} \\d+$`;
    assert.match(run.output(), new RegExp(message, 'm'));
    assert.doesNotMatch(run.output(), /\n\s+at /);
    await nothingIsLeft(run);
  });
}

const BAD_ENVOYS: readonly [string, string, RegExp][] = [
  ['is not there', '/no/such/envoy', /ENVOY_BIN names \/no\/such\/envoy, which is not an exec/],
  ['does not run', '/bin/false', /\/bin\/false does not run/],
  ['is no Envoy', '/bin/echo', /\/bin\/echo does not say that it is an Envoy/],
];
for (const [what, path, message] of BAD_ENVOYS) {
  test(`an ENVOY_BIN that ${what} is said plainly`, async (t) => {
    const args = ['--port', String(await freePort())];
    const run = startQuickstart(t, args, { ENVOY_BIN: path });
    assert.equal((await run.child.exited).code, 1);
    assert.match(run.output(), message);
    await nothingIsLeft(run);
  });
}

test('a child that dies ends the run, with its name and its last lines', async (t) => {
  const { run } = await startReady(t);
  const pod = run.processes().find((pid) => commandOf(pid).includes('tiny,digits-stable'));
  assert.ok(pod !== undefined);
  process.kill(pod, 'SIGKILL');
  assert.equal((await run.child.exited).code, 1);
  assert.match(
    run.output(),
    /pod-a was killed by SIGKILL\. Its last lines:\n( {4}.*\n)* {4}.*"ready"/,
  );
  await nothingIsLeft(run);
});

async function startReady(
  t: TestContext,
  flags: readonly string[] = [],
): Promise<{ readonly run: Quickstart; readonly url: string }> {
  const port = await freePort();
  const run = startQuickstart(t, ['--port', String(port), ...flags]);
  const said = (line: string): true | undefined => (line === LAST_WORDS ? true : undefined);
  await run.child.waitForLine(said, READY_TIMEOUT_MS).catch((error) => {
    throw new Error(`${error}\n${run.output()}`);
  });
  return { run, url: `http://127.0.0.1:${port}` };
}

async function nothingIsLeft(run: Quickstart): Promise<void> {
  await until('nothing is left', () => run.processes().length === 0 && run.files().length === 0);
}

async function variantOf(url: string, index: number): Promise<unknown> {
  const answer = await exchange({
    url: `${url}/v2/models/digits/infer`,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user': `user-${index}` },
    body: inferBody('pixels', [new Array(64).fill(0)]),
  });
  assert.equal(answer.status, 200, answer.body.toString());
  return answer.headers['x-modelweir-variant'];
}

async function takePort(t: TestContext): Promise<number> {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
}
