/**
 * A model server whose answers a test can compute: `double` is each number times two, `sum` each row's
 * sum. The number 666 anywhere in a call is refused with 400, whoever sent it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Backend, type BackendRequest, startBackend } from '../../harness/backend.ts';

export const POISON = 666;

interface Tensor {
  readonly name: string;
  readonly shape: readonly [number, number];
  readonly datatype: string;
  readonly data: readonly number[];
}

export interface InferCall {
  readonly id?: string;
  readonly inputs: readonly Tensor[];
}

export interface InferAnswer {
  readonly id?: string;
  readonly outputs: readonly Tensor[];
}

export interface ComputeBackend extends Backend {
  /** How long each call takes; may be changed at any time. */
  delayMs: number;
  /** Rows of each call so far. */
  readonly rows: number[];
}

export async function startComputeBackend(delayMs: number): Promise<ComputeBackend> {
  const rows: number[] = [];
  const backend = await startBackend(async (request, response) => {
    const call = parse(request);
    const input = call.inputs[0];
    if (input) rows.push(input.shape[0]);
    if (computing.delayMs > 0) await delay(computing.delayMs);
    const bad = input === undefined || input.data.includes(POISON);
    const answer = bad ? { error: 'the number 666 is not allowed' } : compute(call, input);
    const body = JSON.stringify(answer);
    response.writeHead(bad ? 400 : 200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-served-path': request.path,
      'set-cookie': 'session=1',
    });
    response.end(body);
  });
  const computing: ComputeBackend = Object.assign(backend, { delayMs, rows });
  return computing;
}

function parse(request: BackendRequest): InferCall {
  const call: InferCall = JSON.parse(request.body.toString());
  for (const { shape, data } of call.inputs) {
    if (shape[0] * shape[1] !== data.length) throw new Error('data does not match its shape');
  }
  return call;
}

function compute(call: InferCall, input: Tensor): InferAnswer {
  const [rows, columns] = input.shape;
  const sums = Array.from({ length: rows }, (_, row) =>
    input.data.slice(row * columns, (row + 1) * columns).reduce((sum, value) => sum + value, 0),
  );
  const double = input.data.map((value) => value * 2);
  return {
    ...(call.id !== undefined && { id: call.id }),
    outputs: [
      { name: 'double', shape: [rows, columns], datatype: 'FP32', data: double },
      { name: 'sum', shape: [rows, 1], datatype: 'FP32', data: sums },
    ],
  };
}

/** A call whose numbers tell whose it is. */
export function inferCall(owner: number, rows = 1, columns = 4): InferCall {
  const data = Array.from({ length: rows * columns }, (_, i) => owner * 1000 + i);
  return {
    id: `call-${owner}`,
    inputs: [{ name: 'x', shape: [rows, columns], datatype: 'FP32', data }],
  };
}

/** What the backend answers to a call that comes alone. */
export function expectedAnswer(call: InferCall): InferAnswer {
  const input = call.inputs[0];
  if (input === undefined) throw new Error('a call needs an input');
  return compute(call, input);
}
