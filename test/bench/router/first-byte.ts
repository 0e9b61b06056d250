/**
 * Time until the backend sees the first byte of a body whose client pauses after a few hundred bytes, the
 * model's name among them. Whatever waits for the rest would wait for ever; what is sized by the
 * declared length would take longer with it.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../options.ts';
import { median, printTable, type Target } from '../target.ts';
import { CHAT_PATH, chatBody } from './chat-body.ts';
import { type Subject, type SubjectName, Subjects } from './subjects.ts';

/** What `--only` calls it. */
export const FIRST_BYTE = 'first byte';

const SUBJECTS: readonly SubjectName[] = ['no filter', 'router', 'fast'];
const BODY_BYTES = { '10 kB': 10_000, '100 kB': 100_000, '1 MB': 1_000_000, '10 MB': 10_000_000 };
const SENT_BYTES = 256;
/** Any body that is longer begins with the same bytes. */
const SHORT_BODY_BYTES = 1000;
const SAMPLES = 50;
/** Later than this the client's pause is over and the byte has not come. */
const PAUSE_MS = 1000;
const MAX_GROWTH = 1.5;
const HEAD_END = '\r\n\r\n';

export async function firstByteBench(options: BenchOptions): Promise<Target[]> {
  if (!options.only.test(FIRST_BYTE)) return [];
  const backend = await startFirstByteBackend();
  const subjects = new Subjects(backend.port);
  const rows: string[][] = [];
  const targets: Target[] = [];
  try {
    for (const name of SUBJECTS) {
      const times = await sample(backend, await subjects.get(name));
      const medians = times.map(median);
      rows.push([name, ...medians.map((ms) => ms.toFixed(3))]);
      if (name !== 'no filter') targets.push(...targetsOf(name, times));
    }
  } finally {
    await subjects.stop();
    await backend.stop();
  }
  console.log('\n### ms until the backend sees the first byte, the client pausing after 256\n');
  printTable(['Envoy', ...Object.keys(BODY_BYTES)], rows);
  return targets;
}

function targetsOf(name: SubjectName, times: readonly number[][]): Target[] {
  const all = times.flat();
  const [smallest = [], largest = []] = [times[0], times.at(-1)];
  return [
    {
      name: `${name}: share of first bytes that came while the client paused`,
      measured: all.filter(Number.isFinite).length / all.length,
      atLeast: 1,
    },
    {
      name: `${name}: first byte of 10 MB / of 10 kB, p50`,
      measured: median(largest) / median(smallest),
      atMost: MAX_GROWTH,
    },
  ];
}

/** Milliseconds, infinite where nothing came; a list a size, the sizes taking turns. */
async function sample(backend: FirstByteBackend, subject: Subject): Promise<number[][]> {
  const times: number[][] = Object.values(BODY_BYTES).map(() => []);
  for (let turn = -1; turn < SAMPLES; turn++) {
    for (const [index, bytes] of Object.values(BODY_BYTES).entries()) {
      const ms = await firstByteMs(backend, subject, bytes);
      // The first turn warms up.
      if (turn >= 0) times[index]?.push(ms);
    }
  }
  return times;
}

async function firstByteMs(
  backend: FirstByteBackend,
  { url, model }: Subject,
  bytes: number,
): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  try {
    const head = `POST ${CHAT_PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-type: application/json\r\n`;
    const body = chatBody(model, 'first', SHORT_BODY_BYTES).slice(0, SENT_BYTES);
    const came = backend.nextFirstByte();
    const sent = performance.now();
    socket.write(`${head}content-length: ${bytes}${HEAD_END}${body}`);
    const paused = sleep(PAUSE_MS, Number.POSITIVE_INFINITY, { ref: false });
    return (await Promise.race([came, paused])) - sent;
  } finally {
    socket.destroy();
  }
}

interface FirstByteBackend {
  readonly port: number;
  /** When the next request's body begins to come, on `performance`'s clock. */
  nextFirstByte(): Promise<number>;
  stop(): Promise<void>;
}

/** Answers what is complete, so that a subject can say that it serves. */
async function startFirstByteBackend(): Promise<FirstByteBackend> {
  const sockets = new Set<Socket>();
  let report: (atMs: number) => void = () => {};
  const server = createServer((socket) => {
    let received = '';
    sockets.add(socket);
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data: string) => {
      const now = performance.now();
      received += data;
      const headEnd = received.indexOf(HEAD_END);
      const bodyBytes = received.length - headEnd - HEAD_END.length;
      if (headEnd < 0 || bodyBytes === 0) return;
      report(now);
      const length = /^content-length: (\d+)/im.exec(received.slice(0, headEnd))?.[1];
      if (bodyBytes < Number(length ?? Number.POSITIVE_INFINITY)) return;
      received = '';
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2${HEAD_END}ok`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    nextFirstByte: () =>
      new Promise((resolve) => {
        report = resolve;
      }),
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
