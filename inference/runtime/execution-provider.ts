/** Decides what a session runs on: what was asked for, or the CPU if that is allowed to stand in. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

export type ProviderName = 'cpu' | 'cuda';

export interface ProviderOptions {
  readonly name: ProviderName;
  readonly deviceId: number;
  /** Whether the CPU may stand in. */
  readonly allowFallback: boolean;
}

export interface UsedProvider {
  readonly name: ProviderName;
  /** Why it is not the one that was asked for; '' if it is. */
  readonly note: string;
}

/** What onnxruntime loads when CUDA is asked for, from the folder of its own library. */
const CUDA_LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];
/** Of the driver; the second is its place in the Linux of Windows. */
const CUDA_DEVICES = ['/dev/nvidiactl', '/dev/dxg'];

type ExecutionProviders = ('cpu' | { readonly name: 'cuda'; readonly deviceId: number })[];

/**
 * Creates a session on the provider.
 * @throws Error saying what is missing when that fails and the CPU must not stand in.
 */
export async function createOn<T>(
  options: ProviderOptions | undefined,
  create: (providers: ExecutionProviders) => Promise<T>,
): Promise<[T, UsedProvider]> {
  if (!options || options.name === 'cpu') return [await create(['cpu']), { name: 'cpu', note: '' }];
  const missing = missingForCuda();
  let reason = missing.join('; ');
  if (missing.length === 0) {
    try {
      const session = await create([{ name: 'cuda', deviceId: options.deviceId }, 'cpu']);
      return [session, { name: 'cuda', note: '' }];
    } catch (error) {
      reason = plain(error instanceof Error ? error.message : String(error));
    }
  }
  const note = `CUDA device ${options.deviceId} cannot be used: ${reason}`;
  if (!options.allowFallback) {
    throw new Error(`${note} (provider.allowFallback would run it on the CPU)`);
  }
  return [await create(['cpu']), { name: 'cpu', note }];
}

/** What can be seen to be missing without trying; each is a clause of a message. */
export function missingForCuda(
  folder = libraryFolder(),
  exists: (file: string) => boolean = existsSync,
): string[] {
  const missing: string[] = [];
  if (process.platform !== 'linux') return ['onnxruntime has it on Linux only'];
  const libraries = CUDA_LIBRARIES.filter((name) => !exists(path.join(folder, name)));
  if (libraries.length > 0) {
    missing.push(
      `${libraries.join(' and ')} must lie beside onnxruntime's library in ${folder}; they are in the Python package onnxruntime-gpu of the same version`,
    );
  }
  if (!CUDA_DEVICES.some((device) => exists(device))) {
    missing.push(`there is no NVIDIA device (${CUDA_DEVICES[0]}); give the container a GPU`);
  }
  return missing;
}

function libraryFolder(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return path.join(path.dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
}

/** Without the colours and the line ends that onnxruntime's messages have. */
function plain(message: string): string {
  return stripVTControlCharacters(message).replaceAll(/\s+/g, ' ').trim();
}
