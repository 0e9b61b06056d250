/** One soak: load on a mesh, edits of its weights at an even pace, and a look at its memory now and then. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestMesh } from '../harness/mesh.ts';
import { SoakLoad } from './load.ts';
import { type MemorySample, memoryOf } from './memory.ts';
import type { SoakScene } from './scene.ts';
import { WeightUpdates } from './updates.ts';

export interface SoakOptions {
  readonly scene: SoakScene;
  readonly requests: number;
  readonly updates: number;
  readonly connections: number;
  /** Gets about `SAMPLES` samples. */
  readonly onSample: (sample: SoakSample) => void;
}

export interface SoakSample {
  readonly requests: number;
  readonly updates: number;
  /** Since the sample before. */
  readonly requestsPerSecond: number;
  readonly memory: MemorySample;
  readonly maxMs: number;
}

export interface SoakResult {
  readonly load: SoakLoad;
  readonly edits: WeightUpdates;
  readonly seconds: number;
  /** After the warm-up, and at the end; both with no request under way. */
  readonly before: MemorySample;
  readonly after: MemorySample;
  /** Between the two. */
  readonly updatesBetween: number;
}

/** Until then memory may grow: by then each kind of request has come in a burst. */
const WARM_UP_SHARE = 0.3;
/** As many a short soak needs, too; or half of its own. */
const MIN_WARM_UP_REQUESTS = 10_000;
const BURSTS = 200;
const SAMPLES = 20;
/** In which Envoy frees what it frees later. */
const SETTLE_MS = 1000;
const POLL_MS = 5;

/** @throws {Error} with its logs when Envoy goes. */
export async function soak(mesh: TestMesh, options: SoakOptions): Promise<SoakResult> {
  const { scene, requests, updates } = options;
  const port = Number(new URL(mesh.url).port);
  const load = new SoakLoad(scene, port, options.connections, Math.ceil(requests / BURSTS));
  const edits = new WeightUpdates(mesh, scene, port);
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const isOver = (): boolean => load.done >= requests && (edits.seen >= updates || edits.isStuck);
  const rate = new Rate();
  const sample = async (): Promise<MemorySample> => {
    if (mesh.envoy.hasExited) throw new Error(`Envoy has gone\n${mesh.logs()}`);
    const memory = await memoryOf(mesh.envoy);
    options.onSample({
      requests: load.done,
      updates: edits.seen,
      requestsPerSecond: rate.next(load.done),
      memory,
      maxMs: load.counts.maxMs,
    });
    return memory;
  };
  const settled = async (): Promise<MemorySample> => {
    await load.pause();
    await sleep(SETTLE_MS);
    return await sample();
  };
  const editing = edit(edits, updates, () => load.done / requests);
  load.start();
  const warmUp = Math.max(requests * WARM_UP_SHARE, Math.min(requests / 2, MIN_WARM_UP_REQUESTS));
  while (load.done < warmUp) await sleep(POLL_MS);
  const before = await settled();
  const seenBefore = edits.seen;
  load.start();
  let sampled = load.done;
  while (!isOver()) {
    await sleep(POLL_MS);
    if (load.done - sampled < requests / SAMPLES) continue;
    sampled = load.done;
    await sample();
  }
  await editing;
  const after = await settled();
  load.close();
  edits.close();
  const updatesBetween = edits.seen - seenBefore;
  return { load, edits, seconds: seconds(), before, after, updatesBetween };
}

class Rate {
  #done = 0;
  #at = performance.now();

  /** So many more a second since it was asked last. */
  next(done: number): number {
    const now = performance.now();
    const perSecond = ((done - this.#done) / (now - this.#at)) * 1000;
    this.#done = done;
    this.#at = now;
    return perSecond;
  }
}

/** As large a part of the updates as of the requests. */
async function edit(edits: WeightUpdates, updates: number, progress: () => number): Promise<void> {
  while (edits.seen < updates && !edits.isStuck) {
    if (edits.seen < updates * progress()) await edits.next();
    else await sleep(POLL_MS);
  }
}
