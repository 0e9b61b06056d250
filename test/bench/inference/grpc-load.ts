/**
 * Load for a pod's ModelInfer over gRPC, as a process of its own: closed loops, one on each connection. It writes
 * HTTP/2 by hand, because a gRPC client costs more than the pod does and would be what is measured. Prints one line
 * of JSON.
 *
 *   taskset -c 1 node test/bench/inference/grpc-load.ts --target 127.0.0.1:8001 --model digits-stable --connections 64
 */
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { parseArgs } from 'node:util';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { cpuSeconds, pinSelf } from '../pinning.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    model: { type: 'string', default: 'digits-stable' },
    input: { type: 'string', default: 'pixels' },
    columns: { type: 'string', default: '64' },
    rows: { type: 'string', default: '1' },
    typed: { type: 'boolean', default: false },
    connections: { type: 'string', default: '64' },
    'warm-up-seconds': { type: 'string', default: '1' },
    seconds: { type: 'string', default: '5' },
    /** Of the pod: its CPU time is then told too. */
    pid: { type: 'string' },
  },
});

const HEADERS: OutgoingHttpHeaders = {
  ':method': 'POST',
  ':path': '/inference.GRPCInferenceService/ModelInfer',
  'content-type': 'application/grpc',
  te: 'trailers',
};

interface Counts {
  answers: number;
  failures: number;
  readonly latenciesMs: number[];
}

const counts: Counts = { answers: 0, failures: 0, latenciesMs: [] };
let running = true;

await pinSelf();
const frame = framed(requestMessage());
const sessions = Array.from({ length: Number(values.connections) }, () =>
  connect(`http://${values.target}`),
);
const loops = sessions.map((session) => loop(session));
await sleep(Number(values['warm-up-seconds']) * 1000);
Object.assign(counts, { answers: 0, failures: 0 });
counts.latenciesMs.length = 0;
const before = { ms: performance.now(), cpu: await podCpuSeconds(), own: process.cpuUsage() };
await sleep(Number(values.seconds) * 1000);
const own = process.cpuUsage(before.own);
report((performance.now() - before.ms) / 1000, (await podCpuSeconds()) - before.cpu);
running = false;
await Promise.all(loops);
for (const session of sessions) session.close();

async function loop(session: ClientHttp2Session): Promise<void> {
  while (running) {
    const startMs = performance.now();
    const ok = await call(session);
    counts.latenciesMs.push(performance.now() - startMs);
    if (ok) counts.answers++;
    else counts.failures++;
  }
}

/** Whether the call ended with status 0. */
function call(session: ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = session.request(HEADERS);
    let ok = false;
    stream.on('trailers', (trailers) => {
      ok = trailers['grpc-status'] === '0';
    });
    stream.on('error', () => resolve(false));
    stream.on('close', () => resolve(ok));
    stream.resume();
    stream.end(frame);
  });
}

function requestMessage(): Uint8Array {
  const [rows, columns] = [Number(values.rows), Number(values.columns)];
  const data = Float32Array.from({ length: rows * columns }, (_, i) => ((i * 7) % 16) + 0.5);
  const bytes = new Uint8Array(data.buffer);
  const input = new BinaryWriter();
  input.tag(1, 2).string(values.input).tag(2, 2).string('FP32');
  input.tag(3, 2).fork().int64(rows).int64(columns).join();
  if (values.typed) input.tag(5, 2).fork().tag(6, 2).bytes(bytes).join();
  const message = new BinaryWriter();
  message.tag(1, 2).string(values.model).tag(5, 2).bytes(input.finish());
  if (!values.typed) message.tag(7, 2).bytes(bytes);
  return message.finish();
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function report(seconds: number, podSeconds: number): void {
  const { answers, failures, latenciesMs } = counts;
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const result = {
    connections: sessions.length,
    rows: Number(values.rows),
    requestsPerSecond: Math.round(answers / seconds),
    failures,
    p50Ms: Number(at(0.5).toFixed(2)),
    p99Ms: Number(at(0.99).toFixed(2)),
    loadCores: Number(((own.user + own.system) / 1e6 / seconds).toFixed(2)),
    ...(values.pid !== undefined && {
      podCpuMicrosPerRequest: Math.round((podSeconds / answers) * 1e6),
      podCores: Number((podSeconds / seconds).toFixed(2)),
    }),
  };
  console.log(JSON.stringify(result));
}

async function podCpuSeconds(): Promise<number> {
  return values.pid === undefined ? 0 : cpuSeconds(Number(values.pid));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
