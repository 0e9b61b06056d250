/** HTTP requests of one row each, all of numbers that need all digits of an FP32. */
import { randomSource } from '../../harness/random.ts';
import { MODELS } from '../batcher/models.ts';
import type { RawRequest } from '../raw-load.ts';

export type BenchedModel = 'digits' | 'mlp';
export type Encoding = 'json' | 'binary';

/** Different ones, so that nothing gets used to one. */
const COUNT = 32;
const STEPS = 2 ** 24;
/** Pixels of the digits are from 0 to 16. */
const LARGEST = 16;

export function requestsFor(model: BenchedModel, encoding: Encoding): RawRequest[] {
  const { served, input, rowSize } = MODELS[model];
  const path = `/v2/models/${served}/infer`;
  return rows(rowSize).map((row) => ({
    path,
    ...(encoding === 'json' ? json(input, row) : binary(input, row)),
  }));
}

function json(name: string, row: Float32Array): Omit<RawRequest, 'path'> {
  const inputs = [{ name, shape: [1, row.length], datatype: 'FP32', data: [...row].map(short) }];
  const body = Buffer.from(JSON.stringify({ inputs }));
  return { headers: { 'content-type': 'application/json' }, body };
}

/** As Triton's client writes it; the answer comes as bytes, too. */
function binary(name: string, row: Float32Array): Omit<RawRequest, 'path'> {
  const data = Buffer.from(row.buffer);
  const parameters = { binary_data_size: data.length };
  const inputs = [{ name, shape: [1, row.length], datatype: 'FP32', parameters }];
  const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  };
  return { headers, body: Buffer.concat([head, data]) };
}

/** The fewest digits that still give this FP32: 9 always do. */
function short(value: number): number {
  return Number(value.toPrecision(9));
}

function rows(size: number): Float32Array[] {
  const random = randomSource(size);
  const number = (): number => (random(STEPS) / STEPS) * LARGEST;
  return Array.from({ length: COUNT }, () => Float32Array.from({ length: size }, number));
}
