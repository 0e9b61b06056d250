/** Random tensors, and messages of them as protobufjs writes and reads them: not by what is tested. */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Datatype, ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { bytesOf, type Value } from './binary-message.ts';

export type Random = (bound: number) => number;

export interface RandomTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly values: readonly Value[];
}

const FOLDER = fileURLToPath(new URL('../../../inference/protocol/grpc/', import.meta.url));
const service = loadSync('open-inference.proto', {
  includeDirs: [FOLDER],
  keepCase: true,
  longs: String,
  defaults: true,
})['inference.GRPCInferenceService'] as Record<string, MethodDefinition<object, object>>;

export function encodeRequest(request: object): Buffer {
  return Buffer.from(service['ModelInfer']?.requestSerialize(request) ?? []);
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it, and assert on what they find.
export function decodeResponse(message: Buffer): any {
  return service['ModelInfer']?.responseDeserialize(message);
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it, and assert on what they find.
export function decodeStreamResponse(message: Buffer): any {
  return service['ModelStreamInfer']?.responseDeserialize(message);
}

/** The ends of the ranges come often, since encodings differ there. BYTES are strings, FP16 bit patterns. */
const VALUES: Readonly<Record<Datatype, (random: Random) => Value>> = {
  BOOL: (random) => random(2) === 1,
  UINT8: integer(0, 2 ** 8 - 1),
  UINT16: integer(0, 2 ** 16 - 1),
  UINT32: integer(0, 2 ** 32 - 1),
  UINT64: wide(0n, 2n ** 64n - 1n),
  INT8: integer(-(2 ** 7), 2 ** 7 - 1),
  INT16: integer(-(2 ** 15), 2 ** 15 - 1),
  INT32: integer(-(2 ** 31), 2 ** 31 - 1),
  INT64: wide(-(2n ** 63n), 2n ** 63n - 1n),
  FP16: integer(0, 2 ** 16 - 1),
  FP32: (random) => [0, -0, Infinity, Math.fround(random(2 ** 32) / 7 - 1e8)][random(4)] as number,
  FP64: (random) => [0, -0, -Infinity, random(2 ** 32) / 7 - 1e8][random(4)] as number,
  BYTES: (random) => ['', 'a', 'grüße', '😀', 'x'.repeat(random(300))][random(5)] as string,
};

export const DATATYPES = Object.keys(VALUES) as Datatype[];

function integer(min: number, max: number): (random: Random) => number {
  return (random) => [min, max, 0, min + random(max - min + 1)][random(4)] as number;
}

function wide(min: bigint, max: bigint): (random: Random) => bigint {
  return (random) => {
    const any = BigInt(random(2 ** 32)) * 2n ** 32n + BigInt(random(2 ** 32));
    return [min, max, 0n, min + (any % (max - min + 1n))][random(4)] as bigint;
  };
}

/** Some datatypes in random shapes, some of them of no elements. */
export function randomTensors(random: Random, from: readonly Datatype[] = DATATYPES) {
  const chosen = from.filter(() => random(2) === 1);
  return chosen.map((datatype): RandomTensor => {
    const shape = Array.from({ length: random(4) }, () => random(5));
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => VALUES[datatype](random));
    return { name: `${datatype}-in`, datatype, shape, values };
  });
}

/** Each input of the model is an output too. */
export function metadataOf(tensors: readonly RandomTensor[]): ModelMetadata {
  const declared = tensors.map(({ name, datatype, shape }) => ({
    ...{ name, datatype },
    shape: shape.map(() => -1),
  }));
  return { name: 'm', version: '3', inputs: declared, outputs: declared };
}

/** InferTensorContents, with integers as protobufjs wants them. */
export function contentsOf(datatype: Datatype, values: readonly Value[]): object {
  const texts = values.map((value) => (typeof value === 'bigint' ? `${value}` : value));
  if (datatype === 'BYTES') return { bytes_contents: values.map((v) => Buffer.from(v as string)) };
  const field = /^U?INT(8|16|32)$/.test(datatype) ? datatype.replace(/\d+/, '') : datatype;
  return { [`${field.toLowerCase()}_contents`]: texts };
}

/** The bytes in memory of the elements that were read. */
export function memoryOf(data: unknown): string {
  if (Array.isArray(data)) return bytesOf('BYTES', data).toString('hex');
  const { buffer, byteOffset, byteLength } = data as Uint8Array;
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}
