/**
 * Whether answers that stream keep their pace when their model gets its public name back: the time between
 * two events at the client, and from the backend's write to the client's read.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../options.ts';
import { CHAT_PATH } from '../router/chat-body.ts';
import { median, printTable, type Target } from '../target.ts';
import { EVENT_INTERVAL_MS, startEventBackend } from './event-backend.ts';
import { MODEL, SERVED_MODEL, type Subject, startSubject } from './meshes.ts';
import { inRounds } from './rounds.ts';

const STREAMS = 16;
const PLAIN = 'as the backend answers';
const RESTORED = 'publicModel';
const COUNTED = 'publicModel, countTokens';
const AT_MOST = 1.05;

interface Pace {
  readonly gapMs: number;
  readonly gapP99Ms: number;
  readonly delayMs: number;
}

export async function eventBench(options: BenchOptions): Promise<Target[]> {
  const backend = await startEventBackend();
  const subjects: Subject[] = [];
  try {
    for (const [name, responses] of [
      [PLAIN, {}],
      [RESTORED, { publicModel: true }],
      [COUNTED, { publicModel: true, countTokens: true }],
    ] as const) {
      const ports = { stable: backend.port };
      const shape = { ports, weights: { stable: 1 }, isRenamed: true, spec: { responses } };
      subjects.push(await startSubject(name, shape));
    }
    const rounds = await inRounds(options, subjects, (subject, seconds) =>
      streams(subject, seconds, subject.name === PLAIN ? SERVED_MODEL : MODEL),
    );
    console.log(`\n### ${STREAMS} streams with an event every ${EVENT_INTERVAL_MS} ms\n`);
    const rows = [PLAIN, RESTORED, COUNTED].map((name) => [
      name,
      rounds.median(name, ({ gapMs }) => gapMs).toFixed(3),
      rounds.median(name, ({ gapP99Ms }) => gapP99Ms).toFixed(3),
      rounds.median(name, ({ delayMs }) => delayMs).toFixed(3),
      rounds.ratio(name, PLAIN, ({ gapMs }) => gapMs).toFixed(3),
    ]);
    const head = ['answers', 'between events ms', 'p99 ms', 'write to read ms', 'ratio'];
    printTable(head, rows);
    return [RESTORED, COUNTED].map((name) => ({
      name: `${name} / ${PLAIN}, time between events`,
      measured: rounds.ratio(name, PLAIN, ({ gapMs }) => gapMs),
      atMost: AT_MOST,
    }));
  } finally {
    for (const subject of subjects.toReversed()) await subject.stop();
    await backend.stop();
  }
}

/** @throws {Error} when events do not name `model`: what is measured would not be what it is called. */
async function streams({ url }: Subject, seconds: number, model: string): Promise<Pace> {
  const gaps: number[] = [];
  const delays: number[] = [];
  const all = Array.from({ length: STREAMS }, async () => {
    const read = await readStream(url, seconds, model);
    gaps.push(...read.gaps);
    delays.push(...read.delays);
  });
  await Promise.all(all);
  gaps.sort((a, b) => a - b);
  return {
    gapMs: median(gaps),
    gapP99Ms: gaps[Math.floor(gaps.length * 0.99)] ?? Number.NaN,
    delayMs: median(delays),
  };
}

async function readStream(url: string, seconds: number, model: string) {
  const { hostname, port } = new URL(url);
  const body = JSON.stringify({ model: MODEL, stream: true });
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const gaps: number[] = [];
  const delays: number[] = [];
  const others = new Set<string>();
  let last = Number.NaN;
  socket.on('error', () => socket.destroy());
  socket.on('data', (data: Buffer) => {
    const now = performance.now();
    // Events are far apart: each comes in one piece, with what frames its chunk.
    for (const [, named = '', at] of data
      .toString('latin1')
      .matchAll(/"model":"([^"]*)".*?"atMs":([\d.]+)/g)) {
      if (named !== model) others.add(named);
      if (!Number.isNaN(last)) gaps.push(now - last);
      last = now;
      delays.push(now - Number(at));
    }
  });
  const head = `POST ${CHAT_PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-type: application/json\r\n`;
  socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`);
  await sleep(seconds * 1000);
  socket.destroy();
  if (gaps.length === 0 || others.size > 0) {
    throw new Error(`${gaps.length} events for ${model}, and such of ${[...others].join(', ')}`);
  }
  return { gaps, delays };
}
