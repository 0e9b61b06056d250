/** Rows of a file of JSON lines: `{"input": value, ...}`, or the value alone for a model of one input. */
import { createReadStream, type ReadStream } from 'node:fs';
import { RequestError } from '../../../inference/protocol/errors.ts';
import { isObject } from '../../../inference/protocol/request-fields.ts';
import { parseJson } from '../../../inference/protocol/request-json.ts';
import type { ModelMetadata, Tensor, TensorMetadata } from '../../../inference/protocol/tensor.ts';
import { elementWords, readElements } from './elements.ts';
import { BadField, type BadRow, type Row, type RowFile, type RowOptions, rowOrBad } from './row.ts';
import { flatShape, nestedShape } from './row-shape.ts';
import { textLines } from './text-lines.ts';

const MAX_LINE_BYTES = 16_777_216;
/** Of arrays in arrays; no model has more dimensions than that. */
const MAX_DEPTH = 16;

export class JsonRows implements RowFile {
  readonly bytes: number;
  readonly #path: string;
  readonly #model: ModelMetadata;
  readonly #options: RowOptions;
  #stream: ReadStream | undefined;

  constructor(path: string, bytes: number, model: ModelMetadata, options: RowOptions) {
    this.#path = path;
    this.bytes = bytes;
    this.#model = model;
    this.#options = options;
  }

  get bytesRead(): number {
    return this.#stream?.bytesRead ?? 0;
  }

  /** An empty line is no row. */
  async *rows(skip: number): AsyncGenerator<Row | BadRow> {
    this.#stream = createReadStream(this.#path, { highWaterMark: 262_144 });
    let number = 0;
    for await (const line of textLines(this.#stream, MAX_LINE_BYTES)) {
      if (line?.trim() === '') continue;
      number++;
      if (number > skip) yield rowOrBad(number, () => this.#row(number, line));
    }
  }

  #row(number: number, line: string | null): Row {
    if (line === null) throw new BadField(null, `is longer than ${MAX_LINE_BYTES} bytes`);
    const value = lineValue(line, this.#model);
    const { inputs } = this.#model;
    const [only] = inputs;
    if (only !== undefined && inputs.length === 1 && !isObject(value)) {
      return { number, inputs: [readInput(only, value)], label: this.#label({}) };
    }
    if (!isObject(value)) throw new BadField(null, 'is no object with the inputs as its keys');
    this.#checkKeys(value);
    const tensors = inputs.map((input) => readInput(input, value[input.name]));
    return { number, inputs: tensors, label: this.#label(value) };
  }

  #checkKeys(value: Readonly<Record<string, unknown>>): void {
    const { label, ignore } = this.#options;
    for (const key of Object.keys(value)) {
      if (key === label || ignore.includes(key)) continue;
      if (this.#model.inputs.some(({ name }) => name === key)) continue;
      throw new BadField(key, `key ${JSON.stringify(key)} is no input; leave it out with --ignore`);
    }
  }

  #label(value: Readonly<Record<string, unknown>>): string | null {
    const { label } = this.#options;
    if (label === null) return null;
    const given = value[label];
    if (typeof given === 'string' && given.trim() !== '') return given.trim();
    if (['number', 'boolean', 'bigint'].includes(typeof given)) return String(given);
    throw new BadField(label, `key ${JSON.stringify(label)} holds no label`);
  }
}

function lineValue(line: string, model: ModelMetadata): unknown {
  try {
    return parseJson(line, model);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new BadField(null, error.message.replace('the body is', 'is'));
  }
}

function readInput(input: TensorMetadata, value: unknown): Tensor {
  const where = `input "${input.name}"`;
  const complain = (reason: string): never => {
    throw new BadField(input.name, reason);
  };
  if (value === undefined) complain(`${where} is missing`);
  const given = shapeOf(value);
  if (given.length > MAX_DEPTH || !isEven(value, given, 0)) {
    complain(`${where} is nested unevenly, or deeper than ${MAX_DEPTH}`);
  }
  const shape = given.length > 1 ? nestedShape(input, given) : flatShape(input, given[0] ?? 1);
  if (typeof shape === 'string') return complain(shape);
  const elements = [value].flat(MAX_DEPTH + 1);
  const data = readElements(elements, input.datatype, (wrong) => {
    const found = String(JSON.stringify(elements[wrong])).slice(0, 80);
    return complain(`${where}: element ${wrong} is ${found}, not ${elementWords(input.datatype)}`);
  });
  return { data, shape };
}

/** As its first elements say it. */
function shapeOf(value: unknown): number[] {
  const shape: number[] = [];
  for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length);
  return shape;
}

function isEven(part: unknown, shape: readonly number[], depth: number): boolean {
  if (!Array.isArray(part)) return depth === shape.length;
  return part.length === shape[depth] && part.every((inner) => isEven(inner, shape, depth + 1));
}
