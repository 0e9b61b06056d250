/** Rows of a `.npy` file for a model of one input: what has another type there is converted if nothing is lost. */
import { type FileHandle, open } from 'node:fs/promises';
import { ELEMENT_ARRAYS, type FixedDatatype } from '../../../inference/protocol/element-arrays.ts';
import { RequestError } from '../../../inference/protocol/errors.ts';
import { numberFromHalf } from '../../../inference/protocol/half-float.ts';
import {
  elementCount,
  type ModelMetadata,
  type Tensor,
  type TensorData,
  type TensorMetadata,
} from '../../../inference/protocol/tensor.ts';
import { readTensorBytes } from '../../../inference/protocol/tensor-binary.ts';
import { elementWords, readElements } from './elements.ts';
import { NPY_PREFIX_BYTES, type NpyHeader, npyOffset, parseNpyHeader } from './npy-header.ts';
import { BadField, type BadRow, type Row, type RowFile, RowFileError, rowOrBad } from './row.ts';
import { flatShape, nestedShape } from './row-shape.ts';

const READ_BYTES = 1_048_576;

interface Head {
  readonly header: NpyHeader;
  readonly input: TensorMetadata;
  /** Of the input's tensor in a request of one row. */
  readonly shape: readonly number[];
}

export class NpyRows implements RowFile {
  readonly bytes: number;
  bytesRead = 0;
  readonly #path: string;
  readonly #head: Head;

  private constructor(path: string, bytes: number, head: Head) {
    this.#path = path;
    this.bytes = bytes;
    this.#head = head;
  }

  /** @throws RowFileError when it is no array that the model takes. */
  static async open(path: string, bytes: number, model: ModelMetadata): Promise<NpyRows> {
    const file = await open(path);
    try {
      return new NpyRows(path, bytes, readHead(await readHeader(file, bytes), model));
    } catch (error) {
      if (!(error instanceof RowFileError)) throw error;
      throw new RowFileError(`${path}: ${error.message}`);
    } finally {
      await file.close();
    }
  }

  async *rows(skip: number): AsyncGenerator<Row | BadRow> {
    const { header, input, shape } = this.#head;
    const file = await open(this.#path);
    try {
      let number = skip;
      for await (const bytes of this.#blocks(file, header, skip)) {
        number++;
        yield rowOrBad(number, () => {
          const tensor: Tensor = { data: readRow(bytes, header.datatype, input), shape };
          return { number, inputs: [tensor], label: null };
        });
      }
    } finally {
      await file.close();
    }
  }

  /** The bytes of each row behind the first `skip`. */
  async *#blocks(file: FileHandle, header: NpyHeader, skip: number): AsyncGenerator<Buffer> {
    const { BYTES_PER_ELEMENT } = ELEMENT_ARRAYS[header.datatype];
    const [rows = 0, ...tail] = header.shape;
    const rowBytes = elementCount(tail) * BYTES_PER_ELEMENT;
    const blockRows = Math.max(1, Math.floor(READ_BYTES / Math.max(rowBytes, 1)));
    for (let first = skip; first < rows; first += blockRows) {
      const count = Math.min(blockRows, rows - first);
      const at = header.offset + first * rowBytes;
      const block = await readAt(file, at, count * rowBytes);
      this.bytesRead = at + block.length;
      for (let row = 0; row < count; row++) {
        yield block.subarray(row * rowBytes, (row + 1) * rowBytes);
      }
    }
  }
}

async function readHeader(file: FileHandle, fileBytes: number): Promise<NpyHeader> {
  const offset = npyOffset(await readAt(file, 0, NPY_PREFIX_BYTES));
  const header = parseNpyHeader(await readAt(file, 0, offset));
  const { BYTES_PER_ELEMENT } = ELEMENT_ARRAYS[header.datatype];
  const bytes = offset + elementCount(header.shape) * BYTES_PER_ELEMENT;
  if (bytes <= fileBytes) return header;
  throw new RowFileError(`its header says ${bytes} bytes, but the file has ${fileBytes}`);
}

function readHead(header: NpyHeader, model: ModelMetadata): Head {
  const [input, ...more] = model.inputs;
  const [, ...tail] = header.shape;
  if (header.shape.length === 0) throw new RowFileError('a single number has no rows');
  if (input === undefined || more.length > 0 || input.datatype === 'BYTES') {
    throw new RowFileError('a .npy file needs a model with one input of numbers; write .jsonl');
  }
  const shape = tail.length > 1 ? nestedShape(input, tail) : flatShape(input, tail[0] ?? 1);
  if (typeof shape === 'string') throw new RowFileError(shape);
  return { header, input, shape };
}

async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let read = 0;
  while (read < bytes) {
    const { bytesRead } = await file.read(buffer, read, bytes - read, at + read);
    if (bytesRead === 0) throw new RowFileError('it ends before its header says');
    read += bytesRead;
  }
  return buffer;
}

function readRow(bytes: Buffer, from: FixedDatatype, input: TensorMetadata): TensorData {
  const { datatype: to, name } = input;
  const count = bytes.length / ELEMENT_ARRAYS[from].BYTES_PER_ELEMENT;
  const data = elementsOf(bytes, from, count, name);
  if (from === to) return data;
  const values = Array.from(data as ArrayLike<number | bigint>, (value) =>
    converted(value, from, to),
  );
  const complain = (index: number): never => {
    throw new BadField(
      name,
      `input "${name}": element ${index} is ${values[index]}, not ${elementWords(to)}`,
    );
  };
  return to === 'FP32' || to === 'FP64'
    ? floatsOf(values, to, complain)
    : readElements(values, to, complain);
}

function elementsOf(bytes: Buffer, from: FixedDatatype, count: number, name: string): TensorData {
  try {
    return readTensorBytes(from, bytes, count, `input "${name}"`);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new BadField(name, error.message);
  }
}

function converted(value: number | bigint, from: FixedDatatype, to: TensorMetadata['datatype']) {
  const number = from === 'FP16' ? numberFromHalf(Number(value)) : value;
  if (to === 'BOOL')
    return number === 1 || number === 1n ? true : number === 0 || number === 0n ? false : number;
  return to === 'INT64' || to === 'UINT64' ? number : Number(number);
}

/** Unlike text, an array says NaN and infinity on purpose; only what becomes infinite is refused. */
function floatsOf(
  values: readonly (number | bigint | boolean)[],
  to: 'FP32' | 'FP64',
  complain: (index: number) => never,
): TensorData {
  const data = new ELEMENT_ARRAYS[to](values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    data[i] = value;
    if (Number.isFinite(value) && !Number.isFinite(data[i])) complain(i);
  }
  return data;
}
