/** What class an output says, and labels in the same words. */
import { numberFromHalf } from '../../../inference/protocol/half-float.ts';
import type { Datatype, TensorMetadata } from '../../../inference/protocol/tensor.ts';
import { CommandFailure } from '../failure.ts';

export interface PredictorOptions {
  /** Name of the output that decides; null: see `choosePredictor`. */
  readonly output: string | null;
  /** Names of the classes of an output of scores, by their place; empty: the places themselves. */
  readonly classes: readonly string[];
}

/** Elements of one row of an output. FP16 is bit patterns only where they come as a Uint16Array. */
export type Elements = ArrayLike<unknown>;

export class Predictor {
  readonly output: string;
  readonly #datatype: Datatype;
  readonly #classes: readonly string[];

  constructor({ name, datatype }: TensorMetadata, classes: readonly string[]) {
    this.output = name;
    this.#datatype = datatype;
    this.#classes = classes;
  }

  /**
   * The label itself, or the place of the highest score, the first of equals. A single score is a probability:
   * from 0.5 on the class is 1.
   * @throws Error saying why these elements are no prediction.
   */
  predict(elements: Elements): string {
    if (isLabel(this.#datatype)) {
      if (elements.length === 1) return this.normalize(String(elements[0]));
      throw new Error(`output "${this.output}" has ${elements.length} elements; a label is one`);
    }
    const scores = Array.from(elements, (element) => scoreOf(element, elements));
    if (scores.length === 0 || scores.some((score) => !Number.isFinite(score))) {
      throw new Error(`output "${this.output}" holds a score that is no finite number`);
    }
    const place =
      scores.length === 1 ? Number((scores[0] ?? 0) >= 0.5) : scores.indexOf(Math.max(...scores));
    return this.#classes[place] ?? String(place);
  }

  /** A label of the file as `predict` would write it: `3.0` is `3` where the classes are whole numbers. */
  normalize(label: string): string {
    if (this.#datatype === 'BYTES' || this.#classes.length > 0) return label;
    if (this.#datatype === 'BOOL') return BOOLEANS[label.toLowerCase()] ?? label;
    const number = Number(label);
    return Number.isSafeInteger(number) ? String(number) : label;
  }
}

const BOOLEANS: Readonly<Record<string, string>> = {
  true: 'true',
  1: 'true',
  false: 'false',
  0: 'false',
};

/**
 * The output that is named; else the only one with a label a row; else the only one with scores.
 * @throws CommandFailure listing the outputs where none of this decides.
 */
export function choosePredictor(
  outputs: readonly TensorMetadata[],
  { output, classes }: PredictorOptions,
): Predictor {
  const named = outputs.filter(({ name }) => name === output);
  const labels = outputs.filter(({ datatype, shape }) => isLabel(datatype) && isOne(shape));
  const scores = outputs.filter(({ datatype }) => !isLabel(datatype));
  const [only, ...more] = output !== null ? named : labels.length > 0 ? labels : scores;
  if (only !== undefined && more.length === 0) return new Predictor(only, classes);
  const known = outputs.map(({ name, datatype, shape }) => {
    return `${name} (${datatype} ${JSON.stringify(shape)})`;
  });
  const problem = output === null ? 'which output holds the answer is open' : `no output ${output}`;
  throw new CommandFailure(`${problem}: give --output with one of ${known.join(', ')}`, 2);
}

function isLabel(datatype: Datatype): boolean {
  return !datatype.startsWith('FP');
}

/** Whether a row has one element, as far as the metadata says. */
function isOne(shape: readonly number[]): boolean {
  return shape.slice(1).every((size) => size === 1 || size === -1);
}

function scoreOf(element: unknown, elements: Elements): number {
  if (typeof element !== 'number') return Number.NaN;
  return elements instanceof Uint16Array ? numberFromHalf(element) : element;
}
