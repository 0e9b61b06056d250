/** Random inference requests of the Open Inference Protocol: in JSON, binary, and both at once. */
import { BATCH_OPEN_INFERENCE } from '../../../filters/wire/batch/batch-request.ts';
import type { Random } from '../../harness/random-json.ts';
import { pick } from '../mutated.ts';
import type { BatchKind, Message } from './batch-kind.ts';
import {
  blank,
  listText,
  numberText,
  objectText,
  shuffled,
  stringText,
  times,
  valueText,
} from './layout.ts';
import { bytesElement, rowsOf, serveInference, sliceInference } from './open-inference-server.ts';

const SIZES: Readonly<Record<string, number>> = { FP32: 4, INT64: 8, UINT8: 1, FP16: 2 };

/** What all members of a batch have in common about an input. */
interface InputKind {
  readonly name: string;
  readonly datatype: string;
  readonly rest: readonly number[];
  readonly form: 'flat' | 'nested' | 'binary';
  readonly parameters: Readonly<Record<string, string>>;
}

interface RequestKind {
  readonly inputs: readonly InputKind[];
  readonly parameters: Readonly<Record<string, string>> | undefined;
  readonly outputs: string | undefined;
  readonly withId: boolean;
}

export const openInference: BatchKind = {
  kind: BATCH_OPEN_INFERENCE,
  name: 'Open Inference',
  members(random) {
    const kind = requestKind(random);
    return times(1 + random(6), (index) => request(random, kind, index));
  },
  serve: serveInference,
  slice: sliceInference,
  rows: rowsOf,
};

function requestKind(random: Random): RequestKind {
  const inputs = times(1 + random(3), (index): InputKind => {
    const form = pick<InputKind['form']>(['flat', 'nested', 'binary'], random);
    const datatypes = form === 'binary' ? ['FP32', 'INT64', 'UINT8', 'FP16'] : ['FP32', 'BOOL'];
    return {
      name: pick(['x', 'ü', '"'], random) + index,
      datatype: pick([...datatypes, 'BYTES'], random),
      rest: times(random(3), () => 1 + random(3)),
      form,
      parameters: random(3) === 0 ? { a: '1', b: '"x"' } : {},
    };
  });
  const binary = pick(['true', 'false'], random);
  return {
    inputs,
    parameters: random(2) === 0 ? undefined : { binary_data_output: binary, p: valueText(random) },
    outputs: random(2) === 0 ? undefined : outputsText(random),
    withId: random(2) === 0,
  };
}

function outputsText(random: Random): string {
  const names = shuffled(random, ['text', 'score', 'echo']).slice(0, 1 + random(3));
  const outputs = names.map((name) => {
    const binary = pick([undefined, 'true', 'false'], random);
    const parameters = binary && `{"binary_data":${binary}}`;
    return objectText(random, { name: JSON.stringify(name), parameters });
  });
  return listText(random, outputs);
}

function request(random: Random, kind: RequestKind, index: number): Message {
  const rows = 1 + random(pick([2, 5, 14], random));
  const blobs: Buffer[] = [];
  const inputs = shuffled(random, kind.inputs).map((input) => {
    const count = input.rest.reduce((product, dimension) => product * dimension, 1);
    const parameters: Record<string, string> = { ...input.parameters };
    let data: string | undefined;
    if (input.form === 'binary') {
      const blob = blobOf(random, input.datatype, rows * count);
      blobs.push(blob);
      parameters['binary_data_size'] = String(blob.length);
    } else data = dataText(random, input, [rows, ...input.rest]);
    return objectText(random, {
      name: JSON.stringify(input.name),
      datatype: JSON.stringify(input.datatype),
      shape: listText(random, [rows, ...input.rest].map(String)),
      parameters: Object.keys(parameters).length > 0 ? objectText(random, parameters) : undefined,
      data,
    });
  });
  const json = objectText(random, {
    id: kind.withId ? JSON.stringify(`id "${index}"`) : undefined,
    inputs: listText(random, inputs),
    parameters: kind.parameters && objectText(random, kind.parameters),
    outputs: kind.outputs,
  });
  const jsonBuffer = Buffer.from(blank(random) + json + blank(random));
  const body = Buffer.concat([jsonBuffer, ...blobs]);
  return { body, jsonBytes: blobs.length > 0 ? jsonBuffer.length : -1 };
}

function dataText(random: Random, input: InputKind, shape: readonly number[]): string {
  const [count, ...rest] = shape;
  if (count === undefined) return leafText(random, input.datatype);
  if (input.form === 'nested') {
    return listText(
      random,
      times(count, () => dataText(random, input, rest)),
    );
  }
  const leaves = shape.reduce((product, dimension) => product * dimension, 1);
  return listText(
    random,
    times(leaves, () => leafText(random, input.datatype)),
  );
}

function leafText(random: Random, datatype: string): string {
  if (datatype === 'BYTES') return stringText(random);
  return datatype === 'BOOL' ? pick(['true', 'false'], random) : numberText(random);
}

function blobOf(random: Random, datatype: string, count: number): Buffer {
  const element = (): Buffer => {
    const size = SIZES[datatype] ?? random(5);
    const bytes = Buffer.from(times(size, () => random(256)));
    return datatype === 'BYTES' ? bytesElement(bytes) : bytes;
  };
  return Buffer.concat(times(count, element));
}
