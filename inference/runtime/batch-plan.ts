import type { Tensor, TensorData } from '../protocol/tensor.ts';
import type { SessionMetadata } from './model-session.ts';

/**
 * How requests to one model may share a run: along dimension 0, if every input and output has a variable
 * one and, where it has a name, all have the same. Else every request runs alone.
 */
export class BatchPlan {
  readonly joins: boolean;
  readonly #metadata: SessionMetadata;
  /** Whether lanes differ at all: some dimension beside the first is variable. */
  readonly #variableTails: boolean;

  constructor(metadata: SessionMetadata) {
    const { inputs, outputs } = metadata.dimensions;
    const leading = [...inputs, ...outputs].map(([first]) => first);
    const names = new Set(leading.filter((dimension) => dimension !== ''));
    this.joins =
      metadata.inputs.length > 0 && leading.every((d) => typeof d === 'string') && names.size <= 1;
    this.#metadata = metadata;
    this.#variableTails = metadata.inputs.some(({ shape }) => shape.slice(1).includes(-1));
  }

  /**
   * Rows of a request.
   * @returns a complaint when its inputs disagree.
   */
  rows(inputs: readonly Tensor[]): number | string {
    if (!this.joins) return 1;
    const rows = inputs[0]?.shape[0] ?? 1;
    for (let i = 1; i < inputs.length; i++) {
      const other = inputs[i]?.shape[0];
      if (other === rows) continue;
      const [a, b] = [this.#metadata.inputs[0]?.name, this.#metadata.inputs[i]?.name];
      return `inputs "${a}" and "${b}" have ${rows} and ${other} rows (dimension 0); they must have the same`;
    }
    return rows;
  }

  /** Whether requests differ in their rows alone. */
  get rowsOnly(): boolean {
    if (this.joins) return !this.#variableTails;
    return this.#metadata.inputs.every(({ shape }) => !shape.includes(-1));
  }

  /** Requests with equal lanes may be joined. */
  lane(inputs: readonly Tensor[]): string {
    if (!this.#variableTails) return '';
    return inputs.map(({ shape }) => shape.slice(1).join(',')).join(';');
  }

  /** The members' inputs, one below the other. A single member's are returned as they are. */
  join(members: readonly (readonly Tensor[])[], rows: number): readonly Tensor[] {
    const [first] = members;
    if (!first) throw new Error('a batch has at least one member');
    if (members.length === 1) return first;
    return first.map((tensor, input) => ({
      shape: [rows, ...tensor.shape.slice(1)],
      data: concatenate(members.map((inputs) => (inputs[input] as Tensor).data)),
    }));
  }
}

/** Rows `start` to `start + rows` of a batch's output: a view, not a copy. */
export function sliceRows(tensor: Tensor, start: number, rows: number): Tensor {
  const total = tensor.shape[0] ?? 1;
  const rowSize = total > 0 ? tensor.data.length / total : 0;
  const [from, to] = [start * rowSize, (start + rows) * rowSize];
  const data = isText(tensor.data) ? tensor.data.slice(from, to) : tensor.data.subarray(from, to);
  return { data, shape: [rows, ...tensor.shape.slice(1)] };
}

function concatenate(parts: readonly TensorData[]): TensorData {
  const [first] = parts;
  if (first === undefined || isText(first))
    return parts.flatMap((part) => part as readonly string[]);
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new (
    first.constructor as new (
      length: number,
    ) => Exclude<TensorData, readonly string[]>
  )(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part as never, offset);
    offset += part.length;
  }
  return joined;
}

function isText(data: TensorData): data is readonly string[] {
  return Array.isArray(data);
}
