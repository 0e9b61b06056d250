import { halfFromNumber } from '../protocol/half-float.ts';
import type { Datatype, Tensor, TensorData } from '../protocol/tensor.ts';
import type { PaddingConfig } from '../repository/model-config.ts';
import type { SessionMetadata } from './model-session.ts';

/** The sizes that a request had before it was filled up, by the name of the dimension. */
export type OriginalSizes = ReadonlyMap<string, number>;

export interface Padded {
  readonly inputs: readonly Tensor[];
  readonly sizes: OriginalSizes;
}

interface InputRule extends PaddingConfig {
  readonly input: number;
  readonly name: string;
  /** '' when the model does not name the dimension. */
  readonly symbol: string;
}

interface OutputRule {
  readonly dimension: number;
  readonly symbol: string;
}

/**
 * Fills dimensions of inputs up to a multiple, so that requests of different sizes can share a run, and cuts
 * the outputs back in every dimension that has the same name.
 */
export class Padding {
  readonly #rules: readonly InputRule[];
  /** By output. */
  readonly #cuts: readonly (readonly OutputRule[])[];

  /** @throws Error naming the entry of `batching.pad` that does not fit the model. */
  constructor(config: Readonly<Record<string, PaddingConfig>>, metadata: SessionMetadata) {
    this.#rules = Object.entries(config).map(([name, entry]) => ruleOf(name, entry, metadata));
    const symbols = new Set(this.#rules.map(({ symbol }) => symbol).filter((name) => name !== ''));
    for (const symbol of symbols) this.#checkShared(symbol, metadata);
    this.#cuts = metadata.dimensions.outputs.map((sizes) =>
      sizes.flatMap((size, dimension) =>
        typeof size === 'string' && symbols.has(size) ? [{ dimension, symbol: size }] : [],
      ),
    );
  }

  /** @returns a complaint when inputs disagree about a dimension that they share. */
  fill(inputs: readonly Tensor[]): Padded | string {
    const sizes = new Map<string, number>();
    const padded = [...inputs];
    for (const rule of this.#rules) {
      const tensor = inputs[rule.input] as Tensor;
      const size = tensor.shape[rule.dimension] as number;
      const other = rule.symbol === '' ? size : (sizes.get(rule.symbol) ?? size);
      if (other !== size) {
        return `input "${rule.name}": dimension ${rule.dimension} is ${size}, but another input has ${other} for the same "${rule.symbol}"`;
      }
      sizes.set(rule.symbol, size);
      const target = Math.ceil(size / rule.multipleOf) * rule.multipleOf;
      padded[rule.input] = resize(tensor, rule.dimension, target, rule.value);
    }
    return { inputs: padded, sizes };
  }

  /** The outputs of one request, without what was made of its filling. */
  cut(outputs: readonly Tensor[], sizes: OriginalSizes): readonly Tensor[] {
    return outputs.map((output, index) => {
      let tensor = output;
      for (const { dimension, symbol } of this.#cuts[index] ?? []) {
        const size = sizes.get(symbol) ?? Number.POSITIVE_INFINITY;
        if (size < (tensor.shape[dimension] ?? 0)) tensor = resize(tensor, dimension, size, 0);
      }
      return tensor;
    });
  }

  /** An input that keeps its size while another's same dimension grows would make every run fail. */
  #checkShared(symbol: string, metadata: SessionMetadata): void {
    const rules = this.#rules.filter((rule) => rule.symbol === symbol);
    metadata.dimensions.inputs.forEach((sizes, input) => {
      sizes.forEach((size, dimension) => {
        if (size !== symbol) return;
        const name = metadata.inputs[input]?.name as string;
        const own = rules.find((rule) => rule.input === input && rule.dimension === dimension);
        if (!own)
          throw new Error(
            `batching.pad: input "${name}" has the dimension "${symbol}" too; give it an entry`,
          );
        if (own.multipleOf !== rules[0]?.multipleOf)
          throw new Error(
            `batching.pad.${name}.multipleOf: all inputs with "${symbol}" need the same`,
          );
      });
    });
  }
}

function ruleOf(name: string, entry: PaddingConfig, metadata: SessionMetadata): InputRule {
  const input = metadata.inputs.findIndex((each) => each.name === name);
  const tensor = metadata.inputs[input];
  if (!tensor) {
    const known = metadata.inputs.map((each) => each.name).join(', ');
    throw new Error(`batching.pad.${name}: the model has no such input; it has ${known}`);
  }
  const symbol = metadata.dimensions.inputs[input]?.[entry.dimension];
  if (typeof symbol !== 'string') {
    throw new Error(
      `batching.pad.${name}.dimension: dimension ${entry.dimension} of ${JSON.stringify(tensor.shape)} is not variable`,
    );
  }
  return { ...entry, value: elementOf(name, entry.value, tensor.datatype), input, name, symbol };
}

function elementOf(name: string, value: number, datatype: Datatype): number {
  if (datatype === 'BYTES') throw new Error(`batching.pad.${name}: BYTES cannot be padded`);
  if (datatype === 'FP16') return halfFromNumber(value);
  if (datatype === 'FP32' || datatype === 'FP64' || Number.isSafeInteger(value)) return value;
  throw new Error(`batching.pad.${name}.value: ${value} is no ${datatype}`);
}

/** The tensor with another size in one dimension: cut at its end, or filled up there with `value`. */
export function resize(tensor: Tensor, dimension: number, size: number, value: number): Tensor {
  const { shape, data } = tensor;
  const before = shape[dimension] ?? 0;
  if (size === before) return tensor;
  const newShape = shape.map((each, i) => (i === dimension ? size : each));
  const inner = product(shape.slice(dimension + 1));
  const outer = product(shape.slice(0, dimension));
  const [from, to] = [before * inner, size * inner];
  const kept = Math.min(from, to);
  if (!ArrayBuffer.isView(data)) {
    const texts: string[] = [];
    for (let i = 0; i < outer; i++) texts.push(...data.slice(i * from, i * from + kept));
    return { data: texts, shape: newShape };
  }
  const resized = emptyLike(data, outer * to, value);
  for (let i = 0; i < outer; i++) {
    resized.set(data.subarray(i * from, i * from + kept) as never, i * to);
  }
  return { data: resized, shape: newShape };
}

type Elements = Exclude<TensorData, readonly string[]>;

function emptyLike(data: Elements, length: number, value: number): Elements {
  const made = new (data.constructor as new (length: number) => Elements)(length);
  if (value === 0) return made;
  if (made instanceof BigInt64Array || made instanceof BigUint64Array) made.fill(BigInt(value));
  else made.fill(value);
  return made;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
