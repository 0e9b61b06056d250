/** A catalog over a real folder of real models, which tests change under its eyes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import { openCatalog, type RepositoryOptions } from '../../../inference/runtime/catalog-opening.ts';
import type { ModelCatalog, ServedModel } from '../../../inference/runtime/model-catalog.ts';
import { floats, RUNNER_OPTIONS, submit, valuesOf } from './runner-harness.ts';

export const POLL_MS = 20;

export class Repository {
  readonly folder: string;

  constructor(t: TestContext) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'repository-'));
    t.after(() => rmSync(this.folder, { recursive: true }));
  }

  /** `file` is NAME/VERSION for the model itself, or any other path. */
  write(file: string, content: Uint8Array | string): void {
    const target = /^[^/]+\/\d+$/.test(file) ? `${file}/model.onnx` : file;
    mkdirSync(path.dirname(path.join(this.folder, target)), { recursive: true });
    writeFileSync(path.join(this.folder, target), content);
  }

  remove(file: string): void {
    rmSync(path.join(this.folder, file), { recursive: true });
  }
}

export interface OpenedCatalog {
  readonly catalog: ModelCatalog;
  /** What was told of versions, in order: `loaded NAME:VERSION` and so on. */
  readonly events: string[];
}

export async function openRepository(
  t: TestContext,
  { folder }: Repository,
  options: Partial<RepositoryOptions> = {},
): Promise<OpenedCatalog> {
  const events: string[] = [];
  const silent = { onQueued: () => undefined, onBatch: () => undefined, onLoss: () => undefined };
  const catalog = await openCatalog(
    {
      ...RUNNER_OPTIONS,
      session: { threadsPerRun: 1 },
      repository: folder,
      models: [],
      modelControl: 'poll',
      repositoryPollMs: POLL_MS,
      ...options,
    },
    {
      runner: () => silent,
      loaded: ({ metadata: { name, version } }) => events.push(`loaded ${name}:${version}`),
      failed: ({ name, version }) => events.push(`failed ${name}:${version}`),
      unloaded: ({ name, version }) => events.push(`unloaded ${name}:${version}`),
      pollFailed: (reason) => events.push(`poll failed: ${reason}`),
    },
  );
  t.after(() => catalog.close());
  return { catalog, events };
}

/** Settles when the condition holds; the test's own time limit ends it otherwise. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** What a scaling model makes of [1, 1]: its factor; or why it makes nothing. */
export async function factorOf(model: ServedModel | undefined): Promise<unknown> {
  if (!model) return 'not served';
  const answer = await submit(model.runner, [{ ...floats(1, 1), shape: [1, 2] }]);
  return answer instanceof RequestError ? answer.code : (valuesOf(answer) as number[])[0];
}

/** `NAME:VERSION STATE`, with the reason if there is one. */
export function indexOf(catalog: ModelCatalog): string[] {
  return catalog
    .index()
    .map(({ name, version, state, reason }) =>
      `${name}:${version} ${state}${reason && `: ${reason}`}`.replace(/\s+/g, ' '),
    );
}
