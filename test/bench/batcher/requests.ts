/** Requests of one row each, real ones where there are some. */
import { readFileSync } from 'node:fs';
import { heldoutDigits } from '../../../control-plane/cli/quickstart/places.ts';
import { randomSource } from '../../harness/random.ts';
import type { RawRequest } from '../raw-load.ts';
import { MODELS, type ModelName } from './models.ts';

export type Encoding = 'json' | 'binary';

/** Different ones, so that neither side gets used to one. */
const COUNT = 32;
const STEPS = 20_001;

/** `POST` of the route's own model name. */
export function requestsFor(model: ModelName, encoding: Encoding): RawRequest[] {
  const path = `/v2/models/${model}/infer`;
  const { input, rowSize } = MODELS[model];
  const rows = model === 'digits' ? digits() : randomRows(rowSize);
  return rows.map((row) => ({
    path,
    ...(encoding === 'json' ? json(input, row) : binary(input, row)),
  }));
}

function json(name: string, row: readonly number[]): Omit<RawRequest, 'path'> {
  const inputs = [{ name, shape: [1, row.length], datatype: 'FP32', data: row }];
  const body = Buffer.from(JSON.stringify({ inputs }));
  return { headers: { 'content-type': 'application/json' }, body };
}

/** As Triton's client writes it. */
function binary(name: string, row: readonly number[]): Omit<RawRequest, 'path'> {
  const data = Buffer.from(Float32Array.from(row).buffer);
  const parameters = { binary_data_size: data.length };
  const inputs = [{ name, shape: [1, row.length], datatype: 'FP32', parameters }];
  const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  };
  return { headers, body: Buffer.concat([head, data]) };
}

/** Held-back rows of the data set: whole numbers from 0 to 16. */
function digits(): number[][] {
  const lines = readFileSync(heldoutDigits, 'utf8').trim().split('\n');
  return lines.slice(1, COUNT + 1).map((line) => line.split(',').slice(1).map(Number));
}

/** From -1 to 1 in steps of 0.0001: 7 characters each with the comma. */
function randomRows(size: number): number[][] {
  const random = randomSource(size);
  const number = (): number => (random(STEPS) - (STEPS - 1) / 2) / ((STEPS - 1) / 2);
  return Array.from({ length: COUNT }, () => Array.from({ length: size }, number));
}
