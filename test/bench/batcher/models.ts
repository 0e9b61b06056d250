/** The models that are served, in one folder that every pod can take: written once, then kept. */
import { cp, lstat, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelRepository, repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { denseModel } from '../../harness/onnx-model.ts';

export interface BenchModel {
  /** As the pod knows it. */
  readonly served: string;
  readonly input: string;
  /** Numbers of one row. */
  readonly rowSize: number;
  /** Of the route: `batching: { ... }`. */
  readonly batching: string;
}

const DIGITS = 'digits-stable';
/** 15.0 million parameters, 60 MB: one row alone reads all of it from memory. */
const MLP_SIZES = [1024, 3392, 3392, 10];
const SEED = 6;

export const MODELS = {
  digits: { served: DIGITS, input: 'pixels', rowSize: 64, batching: 'maxRows: 32' },
  // A call of 32 rows takes longer than the 5 ms after which others would go beside it.
  mlp: dense(MLP_SIZES, 'maxRows: 32, maxDelayMs: 100'),
  /** One product a number: what it costs is to carry the tensor. */
  '1kB': dense([256, 1], 'maxRows: 32'),
  '64kB': dense([16_384, 1], 'maxRows: 32, maxBytes: 4194304'),
} as const satisfies Readonly<Record<string, BenchModel>>;

export type ModelName = keyof typeof MODELS;

const SIZES: readonly (readonly number[])[] = [MLP_SIZES, [256, 1], [16_384, 1]];

/** @returns the folder, as the pod's `--repository`. */
export async function benchRepository(): Promise<string> {
  const folder = join(repositoryRoot, '.cache', 'bench-models');
  await mkdir(folder, { recursive: true });
  await copyModel(join(modelRepository, DIGITS), join(folder, DIGITS));
  for (const sizes of SIZES) await writeModel(folder, sizes);
  return folder;
}

function dense(sizes: readonly number[], batching: string): BenchModel {
  return { served: nameOf(sizes), input: 'x', rowSize: sizes[0] ?? 0, batching };
}

/** Says all that the file depends on. */
function nameOf(sizes: readonly number[]): string {
  return `dense-${sizes.join('-')}-seed-${SEED}`;
}

async function writeModel(folder: string, sizes: readonly number[]): Promise<void> {
  const version = join(folder, nameOf(sizes), '1');
  const path = join(version, 'model.onnx');
  if (await exists(path)) return;
  await mkdir(version, { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  await writeFile(partial, denseModel({ sizes, seed: SEED }));
  await rename(partial, path);
}

/** Not as a link: the pod refuses those that lead out of its repository. */
async function copyModel(from: string, to: string): Promise<void> {
  const known = await lstat(to).catch(() => null);
  if (known?.isDirectory()) return;
  const partial = `${to}.${process.pid}.partial`;
  await cp(from, partial, { recursive: true });
  await rm(to, { force: true });
  await rename(partial, to);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
