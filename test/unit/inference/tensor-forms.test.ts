/** Property: a tensor is the same, whether it comes or goes as JSON or as bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberFromHalf } from '../../../inference/protocol/half-float.ts';
import { parseInferRequest } from '../../../inference/protocol/infer-request.ts';
import { InferResponseEncoder } from '../../../inference/protocol/infer-response.ts';
import type { Datatype, ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { splitInferBody } from '../../../inference/server/infer-body.ts';
import { randomSource } from '../../harness/random.ts';
import { binaryMessage, bytesOf, readOutputs, type Value } from './binary-message.ts';

const ROUNDS = 60;
const LIMITS = { maxTensors: 8, maxElements: 1000 };
type Random = (bound: number) => number;

/** A value of the datatype as `bytesOf` takes it. No -0: JSON that is written has none. */
const VALUES: Readonly<Record<Datatype, (random: Random) => Value>> = {
  BOOL: (random) => random(2) === 1,
  UINT8: (random) => random(2 ** 8),
  UINT16: (random) => random(2 ** 16),
  UINT32: (random) => random(2 ** 32),
  UINT64: (random) => BigInt(random(2 ** 32)) * 2n ** 32n + BigInt(random(2 ** 32)),
  INT8: (random) => random(2 ** 8) - 2 ** 7,
  INT16: (random) => random(2 ** 16) - 2 ** 15,
  INT32: (random) => random(2 ** 32) - 2 ** 31,
  INT64: (random) => (BigInt(random(2 ** 32)) - 2n ** 31n) * 2n ** 32n + BigInt(random(2 ** 32)),
  FP16: (random) => 1 + random(0x7bff) + random(2) * 0x8000,
  FP32: (random) => Math.fround((random(2 ** 24) + 1 - 2 ** 23) * 2 ** (random(60) - 50)) || 1,
  FP64: (random) => (random(2 ** 32) + 1) * 2 ** (random(600) - 300),
  BYTES: (random) => String.fromCodePoint(...Array.from({ length: random(5) }, () => code(random))),
};
const DATATYPES = Object.keys(VALUES) as Datatype[];

function code(random: Random): number {
  const bounds = [0x80, 0x800, 0xd800, 0x1_0000];
  const bound = bounds[random(bounds.length)] as number;
  return bound === 0x1_0000 ? 0x1_f600 + random(64) : random(bound);
}

function jsonOf(datatype: Datatype, values: readonly Value[]): string {
  const texts = values.map((value) => {
    if (datatype === 'FP16') return `${numberFromHalf(value as number)}`;
    return typeof value === 'bigint' ? `${value}` : JSON.stringify(value);
  });
  return `[${texts.join(',')}]`;
}

/** Some datatypes in random shapes; each input of the model is an output too. */
function randomTensors(random: Random) {
  const chosen = DATATYPES.filter(() => random(2) === 1).slice(0, LIMITS.maxTensors);
  return chosen.map((datatype) => {
    const shape: readonly number[] = [random(4), 1 + random(3)];
    const count = shape.reduce((product, size) => product * size);
    const values = Array.from({ length: count }, () => VALUES[datatype](random));
    return { name: datatype, datatype, shape, values, binary: random(2) === 1 };
  });
}

type RandomTensor = ReturnType<typeof randomTensors>[number];

function metadataOf(tensors: readonly RandomTensor[]): ModelMetadata {
  const declared = tensors.map(({ name, datatype }) => ({ name, datatype, shape: [-1, -1] }));
  return { name: 'm', version: '1', inputs: declared, outputs: declared };
}

/** A request with the `binary` ones as bytes, the others as JSON, parsed. */
function parse(tensors: readonly RandomTensor[]) {
  const blobs: Buffer[] = [];
  const inputs = tensors.map(({ name, datatype, shape, values, binary }) => {
    const head = `{"name":"${name}","datatype":"${datatype}","shape":${JSON.stringify(shape)}`;
    if (!binary) return `${head},"data":${jsonOf(datatype, values)}}`;
    const bytes = bytesOf(datatype, values);
    blobs.push(bytes);
    return `${head},"parameters":{"binary_data_size":${bytes.length}}}`;
  });
  const { body, headers } = binaryMessage(`{"inputs":[${inputs.join(',')}]}`, ...blobs);
  const parts = splitInferBody(body, headers['inference-header-content-length']);
  return parseInferRequest(parts, metadataOf(tensors), LIMITS);
}

for (let seed = 1; seed <= ROUNDS; seed++) {
  test(`seed ${seed}: tensors are the same as JSON and as bytes, in and out`, () => {
    const tensors = randomTensors(randomSource(seed));
    const json = parse(tensors.map((tensor) => ({ ...tensor, binary: false }))).inputs;
    assert.deepEqual(parse(tensors).inputs, json);

    const encoder = new InferResponseEncoder(metadataOf(tensors));
    const wanted = tensors.map(({ binary }, index) => ({ index, binary }));
    const answer = encoder.encode(undefined, wanted, json);
    const text = Buffer.from(answer.json);
    const body = Buffer.concat([text, ...(answer.blobs ?? [])]);
    const { blobs } = readOutputs(body, `${text.length}`);
    for (const { name, datatype, values, binary } of tensors) {
      if (binary) assert.equal(blobs[name], bytesOf(datatype, values).toString('hex'), name);
      else {
        assert.equal(blobs[name], undefined, name);
        assert.ok(answer.json.includes(`"data":${jsonOf(datatype, values)}`), name);
      }
    }
  });
}
