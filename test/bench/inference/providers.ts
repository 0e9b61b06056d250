/** What a GPU gives: the time of a run by rows, on the CPU and on CUDA, straight in onnxruntime. */
import { join } from 'node:path';
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import { missingForCuda } from '../../../inference/runtime/execution-provider.ts';
import { ModelSession } from '../../../inference/runtime/model-session.ts';
import { benchRepository, MODELS } from '../batcher/models.ts';
import type { BenchOptions } from '../options.ts';
import { median, printTable, type Target } from '../target.ts';

const ROWS = [1, 8, 32, 128, 512];
const MODEL_NAMES = ['digits', 'mlp'] as const;
/** Of each size before it counts: CUDA chooses kernels in the first. */
const WARM_RUNS = 5;
const MIN_RUNS = 5;
/** The CPU gets as many as a pod with one model would have. */
const CPU_THREADS = 1;

/** Nothing where there is no GPU: that is said. It has no targets, as they would depend on the card. */
export async function providersBench(options: BenchOptions): Promise<Target[]> {
  const missing = missingForCuda();
  if (missing.length > 0) {
    console.log(`not measured: ${missing.join('; ')}`);
    return [];
  }
  const repository = await benchRepository();
  for (const name of MODEL_NAMES.filter((each) => options.only.test(each))) {
    const file = join(repository, MODELS[name].served, '1', 'model.onnx');
    const cpu = await load(file, 'cpu');
    const cuda = await load(file, 'cuda');
    console.log(`\n### ${name}, microseconds a run, CPU with ${CPU_THREADS} thread\n`);
    const rows: string[][] = [];
    for (const size of ROWS) {
      const times: { cpu: number[]; cuda: number[] } = { cpu: [], cuda: [] };
      for (let round = 0; round < options.rounds; round++) {
        times.cpu.push(await runUs(cpu, size, options.seconds / ROWS.length));
        times.cuda.push(await runUs(cuda, size, options.seconds / ROWS.length));
      }
      const ratio = median(times.cpu.map((us, round) => us / (times.cuda[round] ?? Number.NaN)));
      rows.push([
        String(size),
        median(times.cpu).toFixed(0),
        median(times.cuda).toFixed(0),
        ratio.toFixed(2),
      ]);
    }
    printTable(['rows', 'CPU', 'CUDA', 'CPU / CUDA'], rows);
    await cpu.release();
    await cuda.release();
  }
  return [];
}

/** @throws Error saying what is missing for CUDA. */
function load(file: string, name: 'cpu' | 'cuda'): Promise<ModelSession> {
  const provider = { name, deviceId: 0, allowFallback: false };
  return ModelSession.load(file, { threadsPerRun: CPU_THREADS, provider });
}

/** Median of the runs of some seconds, from inputs in this process to outputs in it. */
async function runUs(session: ModelSession, rows: number, seconds: number): Promise<number> {
  const inputs: Tensor[] = session.zeros(rows);
  for (let run = 0; run < WARM_RUNS; run++) await session.run(inputs);
  const times: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs || times.length < MIN_RUNS) {
    const startMs = performance.now();
    await session.run(inputs);
    times.push((performance.now() - startMs) * 1000);
  }
  return median(times);
}
