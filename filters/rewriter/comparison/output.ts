/** One output of an answer: its name and shape, and where its data stands. */
import { elementBytes, isWholeType, TYPE_BYTES, TYPE_UINT64, UNTYPED } from './datatype.ts';
import { NestedList } from './nested-list.ts';
import { JsonNumbers, NumberSource, VarintNumbers } from './number-source.ts';
import { RawNumbers } from './raw-numbers.ts';
import { countRawTexts, JsonTexts, RawTexts, TextSource } from './text-source.ts';

const NOTHING: Uint8Array = new Uint8Array(0);

/** How the data is written. */
export const FORM_NONE: i32 = 0;
export const FORM_JSON: i32 = 1;
export const FORM_RAW: i32 = 2;
export const FORM_VARINTS: i32 = 3;

export class Output {
  /** Name of a tensor. */
  name: string = '';
  /** Which of several embeddings. */
  index: i32 = 0;
  /** A code of `datatype.ts`, or -1 for one that is not known. */
  datatype: i32 = UNTYPED;
  dimensions: i32[] = [];
  /** Whether there is a shape, which may have no dimension. */
  shaped: boolean = false;
  form: i32 = FORM_NONE;
  bytes: Uint8Array = NOTHING;
  from: i32 = 0;
  to: i32 = 0;
  /** Whether all its numbers are whole ones. */
  whole: boolean = false;
  /** Whether it is already paired with one of the other answer. */
  paired: boolean = false;
  /** What was found in a list of JSON. */
  private list: NestedList | null = null;

  /** Takes the list of JSON at `from`. Returns the byte after it, or -1. */
  takeList(bytes: Uint8Array, from: i32): i32 {
    const list = new NestedList(bytes);
    const to = list.walk(from);
    this.take(FORM_JSON, bytes, from, to);
    this.list = list;
    return to;
  }

  /** Takes bytes `from` to `to` in the given form. */
  take(form: i32, bytes: Uint8Array, from: i32, to: i32): void {
    this.form = form;
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }

  /** The shape and datatype are those of the list itself. */
  takeListShape(): void {
    const list = this.list;
    if (list === null) return;
    this.dimensions = list.dimensions;
    this.shaped = true;
    if (list.texts > 0) this.datatype = TYPE_BYTES;
  }

  /** Completes the output. False where its data is not what its shape and datatype say. */
  settle(): boolean {
    if (!this.shaped || this.datatype < 0) return false;
    const texts = this.datatype == TYPE_BYTES;
    const list = this.list;
    this.whole = isWholeType(this.datatype);
    if (this.form == FORM_JSON && list !== null) {
      if (this.datatype == UNTYPED) this.whole = list.whole;
      if ((texts ? list.numbers : list.texts) > 0) return false;
      return f64(texts ? list.texts : list.numbers) == this.volume();
    }
    if (this.form == FORM_RAW) {
      if (texts) return f64(countRawTexts(this.bytes, this.from, this.to)) == this.volume();
      const size = elementBytes(this.datatype);
      return size > 0 && f64(this.to - this.from) == f64(size) * this.volume();
    }
    if (this.form != FORM_VARINTS || !this.whole) return false;
    return f64(countVarints(this.bytes, this.from, this.to)) == this.volume();
  }

  /** Numbers or strings in it; an f64, as a product of dimensions may overflow. */
  volume(): f64 {
    let volume: f64 = 1;
    for (let i = 0; i < this.dimensions.length; i++) volume *= f64(this.dimensions[i]);
    return volume;
  }

  /** Its numbers, from the first on. */
  numbers(): NumberSource {
    const bytes = this.bytes;
    if (this.form == FORM_RAW) return new RawNumbers(bytes, this.from, this.to, this.datatype);
    if (this.form == FORM_JSON) return new JsonNumbers(bytes, this.from, this.to, this.whole);
    const signed = this.datatype > TYPE_UINT64;
    return new VarintNumbers(bytes, this.from, this.to, signed);
  }

  /** Its strings, from the first on. */
  texts(): TextSource {
    if (this.form == FORM_RAW) return new RawTexts(this.bytes, this.from, this.to);
    return new JsonTexts(this.bytes, this.from, this.to);
  }
}

/** How many varints end in bytes `from` to `to`; -1 where the last one is cut off. */
function countVarints(bytes: Uint8Array, from: i32, to: i32): i32 {
  let count: i32 = 0;
  for (let at = from; at < to; at++) if (i32(unchecked(bytes[at])) < 0x80) count++;
  return to > from && i32(unchecked(bytes[to - 1])) >= 0x80 ? -1 : count;
}
