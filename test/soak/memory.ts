/** How much memory an Envoy has: all that is resident, and what its allocator has given out. */
import { readFile } from 'node:fs/promises';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import type { TestEnvoy } from '../harness/envoy.ts';

export interface MemorySample {
  /** With the memory of all Wasm machines, which the allocator does not know. */
  readonly residentBytes: number;
  readonly allocatedBytes: number;
}

export async function memoryOf(envoy: TestEnvoy): Promise<MemorySample> {
  const status = await readFile(`/proc/${envoy.pid}/status`, 'utf8');
  const answer = await exchange({ url: `${envoy.url}/memory` });
  const { allocated } = JSON.parse(answer.body.toString()) as { allocated: string };
  return {
    residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024,
    allocatedBytes: Number(allocated),
  };
}
