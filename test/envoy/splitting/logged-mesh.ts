/** A mesh whose access log a test reads once Envoy has ended, which is when it has all been written. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ServedMesh, serve } from '../protocols/resources.ts';

export type LogEntry = Readonly<Record<string, unknown>>;

export interface LoggedMesh extends ServedMesh {
  /** Stops the mesh. An entry a request, in the order in which they ended. */
  entries(): Promise<readonly LogEntry[]>;
}

export async function serveLogged(
  t: TestContext,
  resources: readonly object[],
): Promise<LoggedMesh> {
  const folder = await mkdtemp(join(tmpdir(), 'modelweir-log-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'access.log');
  const mesh = await serve(resources, ['--access-log', file]);
  t.after(() => mesh.stop());
  return Object.assign(mesh, {
    async entries() {
      await mesh.envoy.stop();
      const text = (await readFile(file, 'utf8')).trimEnd();
      return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line));
    },
  });
}
