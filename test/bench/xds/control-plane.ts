/** `modelweir serve` on a folder with so many routes, as a user runs it; a change is an edit of a file. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { MEASURED_CORE } from '../pinning.ts';
import { type CertificateFiles, tlsArguments } from './certificate-files.ts';
import { sharedNowMs } from './clock.ts';
import { routeFile, routeFiles } from './resources.ts';
import { type ChangeTimes, onCore, type XdsServer } from './server.ts';

const CLOCK = fileURLToPath(new URL('./publication-clock.ts', import.meta.url));
const READY_TIMEOUT_MS = 60_000;
const PUBLICATION_TIMEOUT_MS = 30_000;

export async function startControlPlane(
  supervisor: Supervisor,
  routes: number,
  certificates: CertificateFiles | null,
): Promise<XdsServer> {
  const folder = join(supervisor.folder, 'config');
  await mkdir(folder);
  for (const [file, yaml] of Object.entries(routeFiles(routes))) {
    await writeFile(join(folder, file), yaml);
  }
  const main = join(repositoryRoot, 'control-plane/main.ts');
  const child = supervisor.start({
    name: 'control plane',
    ...onCore(MEASURED_CORE, process.execPath, [
      // As `npm run modelweir` starts it.
      ...['--max-semi-space-size=8', '--import', CLOCK, main, 'serve', '--config', folder],
      ...['--xds-port', '0', '--status-port', '0', '--listen', '127.0.0.1:0'],
      ...['--modules', join(repositoryRoot, 'dist/filters')],
      ...tlsArguments(certificates),
    ]),
  });
  const ready = await child.waitForLine((line) => numberIn(line, 'xdsPort'), READY_TIMEOUT_MS);
  const publications: number[] = [];
  child.log.follow((line) => {
    const atMs = numberIn(line, 'publishedAtMs');
    if (atMs !== undefined) publications.push(atMs);
  });
  const publishedAfter = async (changedMs: number): Promise<number> => {
    for (;;) {
      const found = publications.find((atMs) => atMs > changedMs);
      if (found !== undefined) return found;
      if (sharedNowMs() - changedMs > PUBLICATION_TIMEOUT_MS) {
        throw new Error(`an edit was not published: ${child.log.last(5).join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  return {
    name: 'modelweir',
    pid: child.pid,
    xdsPort: ready,
    change: async (edit): Promise<ChangeTimes> => {
      const [file, yaml] = routeFile(edit % routes, edit);
      const partial = join(supervisor.folder, `${file}.partial`);
      await writeFile(partial, yaml);
      await rename(partial, join(folder, file));
      const changedMs = sharedNowMs();
      return { changedMs, publishedMs: publishedAfter(changedMs) };
    },
    stop: () => supervisor.stopChild(child),
  };
}

function numberIn(line: string, field: string): number | undefined {
  if (!line.startsWith('{')) return undefined;
  const value = JSON.parse(line)[field];
  return typeof value === 'number' ? value : undefined;
}
