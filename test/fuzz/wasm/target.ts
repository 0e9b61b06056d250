/** The built chain under the strict host against the journey of the same request under Node. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import type { Random } from '../../harness/random-json.ts';
import { LABEL, type TestMesh } from '../../unit/chain/mesh.ts';
import { type Outcome, type TestRequest, travel } from '../../unit/chain/travel.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';
import { ChainHost, type Exchange } from './chain-host.ts';
import { MESHES } from './meshes.ts';
import { randomRequest, type WasmSetting } from './random-request.ts';

/** In which the chain reads: where a route is read fast, the first bytes by themselves. */
const WINDOW_BYTES = 65_536;
const FIRST_WINDOW_BYTES = 2048;

const METADATA = { versions: ['1'], name: 'served', inputs: [{ name: 'x' }] };
/** Of one machine: enough for a leak to show, and not so many that nobody knows what led to a failure. */
const MAX_USES = 20_000;

interface UsedHost {
  readonly host: ChainHost;
  uses: number;
}

const hosts = new Map<TestMesh, UsedHost>();

export const wasmTarget: FuzzTarget<WasmSetting> = {
  name: 'wasm',
  claim: 'the built chain decides and writes what the journey does, and never traps',
  generate: (random: Random) => randomRequest(random),
  check,
};

function check({ body, setting }: FuzzCase<WasmSetting>): number {
  const mesh = MESHES[setting.mesh];
  assert.ok(mesh, `there is no mesh ${setting.mesh}`);
  const pieces = piecesOf(body, setting);
  const exchange = runBuilt(mesh, setting, pieces);
  // What a request that was cut off has come to is chance; that nothing traps or stays is not.
  if (setting.hangsUpAfter >= 0) return 1;
  if (isOverBudget(mesh, body, exchange)) return 1;
  const outcomes = journeys(mesh, setting, pieces);
  const expected = outcomes.map((outcome) => expectedOf(mesh, setting, outcome));
  const actual = shownOf(exchange);
  if (!expected.some((one) => isEqual(one, actual))) assert.deepEqual(actual, expected[0]);
  assert.ok(!exchange.isSent || outcomes.some(maySend), 'answered, and sent to a backend too');
  return 2;
}

function piecesOf(body: Buffer, { cuts, end }: WasmSetting): Buffer[] {
  if (end === 'headers') return [];
  const ends = [...cuts.map((cut) => Math.min(cut, body.length)), body.length];
  const pieces = ends.map((to, index) => body.subarray(ends[index - 1] ?? 0, to));
  return end === 'empty piece' ? [...pieces, Buffer.alloc(0)] : pieces;
}

/** What failed once is not used again: nothing is known of its state. */
function runBuilt(mesh: TestMesh, setting: WasmSetting, pieces: readonly Buffer[]): Exchange {
  const known = hosts.get(mesh);
  const used = known && known.uses < MAX_USES ? known : { host: new ChainHost(mesh), uses: 0 };
  hosts.delete(mesh);
  used.uses++;
  const exchange = used.host.run(setting, pieces, JSON.stringify(METADATA));
  hosts.set(mesh, used);
  return exchange;
}

/** The journey does not know what all requests hold together: when it is too much is the filter's affair. */
function isOverBudget({ maxHeldBytes }: TestMesh, body: Buffer, { reply }: Exchange): boolean {
  if (maxHeldBytes === undefined || body.length <= maxHeldBytes) return false;
  return reply?.startsWith('429 ') === true || reply?.includes('grpc-status=8') === true;
}

/** Where chance decides, the journeys to all that it may choose. */
function journeys(mesh: TestMesh, setting: WasmSetting, pieces: readonly Buffer[]): Outcome[] {
  const { ':method': method = '', ':path': path = '' } = setting.headers;
  const body = setting.end === 'headers' ? {} : { body: windows(mesh, pieces) };
  const request: TestRequest = { method, path, headers: setting.headers, ...body };
  const first = travel(mesh, request);
  const variants = mesh.routes[first.route]?.variants ?? [];
  if (first.key !== '' || variants.length < 2) return [first];
  const outcomes = [first];
  let draw = 0;
  for (const { weight = 1 } of variants) {
    if (draw > 0 && weight > 0) outcomes.push(travel(mesh, { ...request, draw }));
    draw += weight;
  }
  return outcomes;
}

/** The pieces as the chain reads them: long ones in parts. */
function windows(mesh: TestMesh, pieces: readonly Buffer[]): Buffer[] {
  const hasFast = Object.values(mesh.routes).some(({ strict }) => strict === false);
  let isFirst = hasFast;
  return pieces.flatMap((piece) => {
    const parts: Buffer[] = [];
    let at = 0;
    do {
      const size = isFirst ? FIRST_WINDOW_BYTES : WINDOW_BYTES;
      parts.push(piece.subarray(at, at + size));
      at += size;
      if (piece.length > 0) isFirst = false;
    } while (at < piece.length);
    return parts;
  });
}

/** All that can be seen of a request from outside. */
interface Shown {
  readonly sent: unknown;
  readonly reply: string | null;
  readonly question: string | null;
}

function shownOf(exchange: Exchange): Shown {
  const { isSent, body, reply, question, others } = exchange;
  const headers = plainPlan(exchange.headers, 'x-modelweir-plan');
  const properties = plainPlan(exchange.properties, 'modelweir.plan');
  // Of what is answered after it began to be sent, it is chance how much was.
  const sent = isSent && reply === null;
  return {
    sent: sent ? { headers, body: body.toString('latin1'), properties, others } : null,
    reply: reply === null ? null : replyText(reply),
    question: question?.split(' timeout=')[0] ?? null,
  };
}

function expectedOf(mesh: TestMesh, setting: WasmSetting, outcome: Outcome): Shown {
  const { end } = outcome;
  const reply = expectedReply(outcome);
  const question =
    end === 'ask'
      ? `cluster=${outcome.cluster} ${setting.headers[':method']} ${outcome.path}`
      : null;
  const isSent = end === 'send' || end === 'pass';
  return { sent: isSent ? sentOf(mesh, setting, outcome) : null, reply, question };
}

/** Refusals have a shape for each protocol: status and words are what they have in common. */
function replyText(reply: string): string {
  const [, status, text] = /^(\d+) content-type=application\/json (.*)$/.exec(reply) ?? [];
  if (text === undefined) return reply.replace(/^(\d+) grpc-status=\d+ /, '$1 ');
  const json = JSON.parse(text);
  return `${status} ${json.error?.message ?? json.error ?? JSON.stringify(json)}`;
}

/** What is refused after it began to be sent is the one thing that is both. */
function maySend({ end, variant }: Outcome): boolean {
  return end === 'send' || end === 'pass' || (end === 'refuse' && variant !== '');
}

function expectedReply({ end, refusal, message, answer, model }: Outcome): string | null {
  if (end === 'refuse') return `${refusal.split(' ')[0]} ${message}`;
  if (end === 'answer') return `200 ${JSON.stringify(JSON.parse(answer))}`;
  if (end !== 'ask') return null;
  return `200 ${JSON.stringify({ ...METADATA, name: model })}`;
}

/** What the two answers will be known by is random. */
function withoutComparison(plan: string): string {
  return plan.replace(/ \d+\.\d+ /, ' C ');
}

function plainPlan(all: Readonly<Record<string, string>>, name: string): Record<string, string> {
  const plan = all[name];
  return plan === undefined ? { ...all } : { ...all, [name]: withoutComparison(plan) };
}

function sentOf(mesh: TestMesh, { headers }: WasmSetting, outcome: Outcome): unknown {
  const body = outcome.body.toString('latin1');
  if (outcome.end === 'pass') return { headers, body, properties: {}, others: [] };
  const { route, model, variant, cluster, path, modelHeader, contentLength } = outcome;
  const {
    batched,
    routeClass = '',
    variantHeader = true,
    tellDecision = '',
  } = mesh.routes[route] ?? {};
  const changed: Record<string, string> = { ...headers, 'x-modelweir-cluster': cluster };
  if (batched) changed['x-modelweir-route'] = route;
  if (routeClass !== '') changed['x-modelweir-route-class'] = routeClass;
  if (modelHeader !== '') changed[mesh.modelHeader ?? ''] = modelHeader;
  if (contentLength !== '') changed['content-length'] = contentLength;
  if (path !== headers[':path']) {
    changed[':path'] = path;
    changed['x-envoy-original-path'] = headers[':path'] ?? '';
  }
  const properties: Record<string, string> = {};
  if (mesh.noteOutcome) {
    properties['modelweir.route'] = route;
    properties['modelweir.variant'] = variant;
  }
  if (mesh.noteFacts) {
    properties['modelweir.model'] = model;
    properties['modelweir.reason'] = outcome.why;
    properties['modelweir.configuration'] = LABEL;
  }
  if (tellDecision !== '') {
    const where = `route=${route};variant=${variant}`;
    properties['modelweir.decision'] = `${where};reason=${outcome.why};configuration=${LABEL}`;
  }
  if (outcome.plan !== '') properties['modelweir.plan'] = withoutComparison(outcome.plan);
  if (outcome.shadow !== '') {
    changed['x-modelweir-plan'] = withoutComparison(outcome.plan);
    changed['x-modelweir-shadow-cluster'] = `${route}##shadow`;
    delete changed['x-modelweir-route'];
  }
  if (variantHeader) properties['modelweir.shown_variant'] = variant;
  return { headers: changed, body, properties, others: ['foreign clear_route_cache'] };
}

function isEqual(a: Shown, b: Shown): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}
