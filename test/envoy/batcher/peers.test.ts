/** Callers that differ in nothing but their certificates: the listener ends their mutual TLS. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { backend as backendYaml, route } from '../../e2e/mesh/resources.ts';
import { type ComputeBackend, inferCall, startComputeBackend } from './compute-backend.ts';
import { assertOwnAnswer } from './infer-client.ts';
import { agentOf, type SecureMesh, secureExchange, startSecureMesh } from './secure-mesh.ts';

/** In a certificate: URIs and DNS names. */
type Names = readonly string[];

const CALL_MS = 15;
const CONNECTIONS = 6;
const REQUESTS = 60;

const ANN: Names = ['spiffe://mesh.test/ns/a/sa/ann'];
const BOB: Names = ['spiffe://mesh.test/ns/a/sa/bob'];

let backend: ComputeBackend;
let mesh: SecureMesh;

before(async () => {
  backend = await startComputeBackend(CALL_MS);
  const batching = (peerIdentity: boolean) =>
    `  batching: { maxDelayMs: 500, peerIdentity: ${peerIdentity} }`;
  mesh = await startSecureMesh(
    backendYaml('model', backend.port) +
      route({ name: 'apart', weights: { model: 1 }, more: batching(true) }) +
      route({ name: 'together', weights: { model: 1 }, more: batching(false) }),
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

beforeEach(() => {
  backend.rows.length = 0;
});

/**
 * All of these callers at the same time, each over connections of its own with a certificate of its own.
 * Returns the callers of each call that the backend got, by their place in the list.
 */
async function callersOfCalls(model: string, callers: readonly Names[]): Promise<Set<number>[]> {
  const seen = backend.requests.length;
  await Promise.all(callers.map((names, caller) => load(model, names, caller, callers.length)));
  return backend.requests.slice(seen).map(({ body }) => {
    const data: number[] = JSON.parse(body.toString()).inputs[0].data;
    return new Set(data.map((value) => Math.floor(value / 1000) % callers.length));
  });
}

/** Closed loops of one caller, whose numbers are its place and so many more for each request. */
async function load(model: string, names: Names, caller: number, callers: number): Promise<void> {
  const agent = agentOf(mesh, await mesh.authority.issue(names));
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < REQUESTS) {
      const call = inferCall(next++ * callers + caller);
      const answer = await secureExchange(inferOver(model, JSON.stringify(call)), agent);
      assertOwnAnswer(answer, call);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  } finally {
    agent.destroy();
  }
}

function inferOver(model: string, body: string) {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return { url: `${mesh.url}/v2/models/${model}/infer`, method: 'POST', headers, body };
}

function assertApart(calls: readonly Set<number>[], callers: number): void {
  for (const who of calls) assert.equal(who.size, 1, `callers ${[...who]} shared a call`);
  assert.ok(
    calls.length < (callers * REQUESTS) / 2,
    `${calls.length} calls: each caller's own requests share calls`,
  );
}

test('callers with different URIs in their certificates never share a call, and their own requests do', async () => {
  assertApart(await callersOfCalls('apart', [ANN, BOB]), 2);
});

test('a certificate that was made anew for the same URI is the same caller', async () => {
  const calls = await callersOfCalls('apart', [ANN, ANN]);
  assert.ok(calls.some((who) => who.size === 2));
});

test('a caller with two URIs is told from one with the first of them only by that one', async () => {
  const calls = await callersOfCalls('apart', [ANN, [...BOB, ...ANN]]);
  assertApart(calls, 2);
});

test('a route that does not ask for certificates joins all of them', async () => {
  const calls = await callersOfCalls('together', [ANN, BOB]);
  assert.ok(calls.some((who) => who.size === 2));
});

test('callers whose certificates have no URI never share a call', async () => {
  const plain = [['carl.test'], ['dora.test']];
  assertApart(await callersOfCalls('apart', plain), 2);
});

test('the listener takes nobody without a certificate', async () => {
  const agent = agentOf(mesh);
  await assert.rejects(secureExchange(inferOver('apart', '{}'), agent));
  agent.destroy();
});
