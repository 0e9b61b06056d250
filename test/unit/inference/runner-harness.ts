/** A model's runner over real workers; only the gate that holds its runs is the tests' own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import { ModelRunner, type RunnerOptions } from '../../../inference/runtime/model-runner.ts';
import type { SubmitOptions } from '../../../inference/runtime/request-intake.ts';
import type { RunResult, SessionHost } from '../../../inference/runtime/session-host.ts';
import { WorkerHost } from '../../../inference/runtime/worker-host.ts';

export const RUNNER_OPTIONS: RunnerOptions = {
  workers: 1,
  maxBatchRows: 4,
  maxQueueRows: 16,
  requestTimeoutMs: 20_000,
};

/** A model file that is removed with its folder after the test. */
export function modelFile(t: TestContext, bytes: Uint8Array): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'runner-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'model.onnx');
  writeFileSync(file, bytes);
  return file;
}

/** A real worker whose runs begin only while the gate is open. */
export class GatedHost extends WorkerHost {
  static held: (() => void)[] = [];
  static closed = false;

  override run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void {
    const begin = (): void => super.run(inputs, settle);
    if (GatedHost.closed) GatedHost.held.push(begin);
    else begin();
  }

  static close(): void {
    GatedHost.closed = true;
  }

  static open(): void {
    GatedHost.closed = false;
    for (const begin of GatedHost.held.splice(0)) begin();
  }
}

export interface Opened {
  readonly runner: ModelRunner;
  /** Rows of each run. */
  readonly batches: number[];
  readonly losses: string[];
}

export async function open(
  t: TestContext,
  file: string,
  options: Partial<RunnerOptions> = {},
  worker?: URL,
): Promise<Opened> {
  const batches: number[] = [];
  const losses: string[] = [];
  const startHost = (): SessionHost =>
    new GatedHost({ path: file, session: { threadsPerRun: 1 } }, worker);
  const runner = await ModelRunner.open(
    startHost,
    { ...RUNNER_OPTIONS, ...options },
    {
      onQueued: () => undefined,
      onBatch: (rows) => batches.push(rows),
      onLoss: (reason) => losses.push(reason),
    },
  );
  t.after(() => {
    GatedHost.open();
    return runner.close();
  });
  return { runner, batches, losses };
}

/** The answer's first output, or the refusal. `client.gone` can be set while it waits. */
export function submit(
  runner: ModelRunner,
  inputs: Tensor[],
  client: { gone: boolean } = { gone: false },
  options: SubmitOptions = {},
): Promise<Tensor | RequestError> {
  return new Promise((resolve) => {
    try {
      const waiting = {
        get gone() {
          return client.gone;
        },
        answer: (outputs: readonly Tensor[]) => resolve(outputs[0] as Tensor),
        fail: resolve,
        drop: () => resolve(new RequestError('unavailable', 'dropped')),
      };
      runner.submit(inputs, waiting, options);
    } catch (error) {
      resolve(error as RequestError);
    }
  });
}

export function floats(...values: number[]): Tensor {
  return { data: new Float32Array(values), shape: [values.length] };
}

export function integers(...values: number[]): Tensor {
  return { data: new BigInt64Array(values.map(BigInt)), shape: [values.length] };
}

export function valuesOf(answer: Tensor | RequestError): unknown {
  return answer instanceof RequestError ? answer.code : Array.from(answer.data as Float32Array);
}
