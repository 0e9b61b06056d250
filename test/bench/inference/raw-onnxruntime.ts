/** onnxruntime alone, in Python, on the measured core: what no server can exceed. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { benchRepository, MODELS } from '../batcher/models.ts';
import { MEASURED_CORE } from '../pinning.ts';
import type { Measurement } from './measurement.ts';
import type { BenchedModel } from './requests.ts';
import { onCore } from './server.ts';

const PROGRAM = join(import.meta.dirname, 'raw_onnxruntime.py');

const run = promisify(execFile);

/** Its requests per second are rows. `packages` is the folder that onnxruntime was installed into. */
export async function measureRaw(
  packages: string,
  model: BenchedModel,
  batchRows: number,
  seconds: number,
): Promise<Measurement> {
  const path = join(await benchRepository(), MODELS[model].served, '1', 'model.onnx');
  const { command, args } = onCore(MEASURED_CORE, 'python3', [
    PROGRAM,
    path,
    String(batchRows),
    String(seconds),
  ]);
  const { stdout } = await run(command, args, { env: { ...process.env, PYTHONPATH: packages } });
  const [rowsPerSecond = Number.NaN, coreShare = Number.NaN] = stdout.split(' ').map(Number);
  const runMs = (batchRows / rowsPerSecond) * 1000;
  return {
    requestsPerSecond: rowsPerSecond,
    p50Ms: runMs,
    p99Ms: Number.NaN,
    coreShare,
    loadShare: 0,
  };
}
