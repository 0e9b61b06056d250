/**
 * The folder of resources that the control plane reads. It is `examples/quickstart` itself, so that an
 * edit of what the user has open in an editor is live, and stays when the quickstart ends. For that the
 * pods listen on the ports that its ModelBackends name. Only where one of these is taken, or the user
 * chose another, the control plane reads a copy with the real ports put in.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, isMap, parseAllDocuments } from 'yaml';
import { examplesFolder } from './places.ts';
import type { Pod } from './pods.ts';

export interface ConfigFolder {
  readonly path: string;
  /** Whether it is a copy that goes when the quickstart ends. */
  readonly isCopy: boolean;
}

/** Ports by pod name. */
export type PodPorts = ReadonlyMap<string, number>;

/** The port on which the examples expect each pod; a pod that they do not agree on is left out. */
export async function portsInExamples(pods: readonly Pod[]): Promise<PodPorts> {
  const found = new Map<string, Set<number>>();
  for (const file of await exampleFiles()) {
    for (const document of await documentsOf(file)) {
      const pod = podOf(document, pods);
      const port: unknown = document.getIn(PORT_FIELD);
      if (pod === undefined || typeof port !== 'number') continue;
      found.set(pod.name, (found.get(pod.name) ?? new Set()).add(port));
    }
  }
  const agreed = [...found].filter(([, ports]) => ports.size === 1);
  return new Map(agreed.flatMap(([name, ports]) => [...ports].map((port) => [name, port])));
}

/** The examples where they fit the pods' ports, else a copy in `temporaryFolder` that does. */
export async function configFolderFor(
  pods: readonly Pod[],
  ports: PodPorts,
  temporaryFolder: string,
): Promise<ConfigFolder> {
  const named = await portsInExamples(pods);
  if (pods.every(({ name }) => named.get(name) === ports.get(name))) {
    return { path: examplesFolder, isCopy: false };
  }
  const path = join(temporaryFolder, 'quickstart');
  await mkdir(path);
  for (const file of await exampleFiles()) await writeCopy(file, path, pods, ports);
  return { path, isCopy: true };
}

const PORT_FIELD = ['spec', 'endpoints', 0, 'port'];

async function writeCopy(
  file: string,
  folder: string,
  pods: readonly Pod[],
  ports: PodPorts,
): Promise<void> {
  const source = join(examplesFolder, file);
  const documents = await documentsOf(file);
  // What is not YAML goes as it is: the control plane says what is wrong with it.
  if (documents.some((document) => document.errors.length > 0)) {
    await copyFile(source, join(folder, file));
    return;
  }
  for (const document of documents) {
    const port = ports.get(podOf(document, pods)?.name ?? '');
    if (port !== undefined && document.hasIn(PORT_FIELD)) document.setIn(PORT_FIELD, port);
  }
  await writeFile(join(folder, file), documents.map(String).join(''));
}

async function exampleFiles(): Promise<readonly string[]> {
  const names = await readdir(examplesFolder);
  return names.filter((name) => /\.ya?ml$/.test(name)).sort();
}

async function documentsOf(file: string): Promise<readonly Document[]> {
  return [...parseAllDocuments(await readFile(join(examplesFolder, file), 'utf8'))];
}

/** The pod that a ModelBackend stands for: the one that serves its model. */
function podOf(document: Document, pods: readonly Pod[]): Pod | undefined {
  if (!isMap(document.contents) || document.get('kind') !== 'ModelBackend') return undefined;
  const model = document.getIn(['spec', 'model', 'name']) ?? document.getIn(['metadata', 'name']);
  return pods.find(({ models }) => models.includes(String(model)));
}
