/** Edits of weights while the load goes on: each counts once an answer shows it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestMesh } from '../harness/mesh.ts';
import { SoakConnection } from './connection.ts';
import { requestBytes } from './requests.ts';
import { type SoakScene, VARIANTS } from './scene.ts';

const TIMEOUT_MS = 20_000;
const POLL_MS = 2;

export const WEIGHTS_FILE = 'weights.yaml';

export class WeightUpdates {
  /** Seen in an answer. */
  seen = 0;
  /** Answers to the questions in between that were not as they should be. */
  failed = 0;
  maxMs = 0;
  /** One was not seen in time: no more are made. */
  isStuck = false;
  readonly #mesh: TestMesh;
  readonly #client: SoakConnection;
  readonly #scene: SoakScene;
  readonly #question: Buffer;

  constructor(mesh: TestMesh, scene: SoakScene, port: number) {
    const { path, body } = scene.question;
    this.#mesh = mesh;
    this.#scene = scene;
    this.#question = requestBytes('POST', path, { 'content-type': 'application/json' }, body);
    this.#client = new SoakConnection(port);
  }

  /** Sends all requests for one model to its other variant, and waits until an answer shows it. */
  async next(): Promise<void> {
    const served = (this.seen + 1) % VARIANTS.length;
    const started = performance.now();
    await this.#mesh.write(WEIGHTS_FILE, this.#scene.weightsYaml(served));
    while (performance.now() - started < TIMEOUT_MS) {
      if ((await this.#variant()) === VARIANTS[served]) {
        this.seen++;
        this.maxMs = Math.max(this.maxMs, performance.now() - started);
        return;
      }
      await sleep(POLL_MS);
    }
    this.isStuck = true;
  }

  close(): void {
    this.#client.close();
  }

  async #variant(): Promise<string> {
    try {
      const { status, variant } = await this.#client.send(this.#question);
      if (status !== 200) this.failed++;
      return variant;
    } catch {
      this.failed++;
      return '';
    }
  }
}
