/** One tensor of a message in JSON: where its parts stand, and its shape. */
import { DataWalk } from './tensor-data.ts';
import { EDIT_ROWS, Edit, sameBytes } from './tensor-edit.ts';
import { CLOSE_LIST, OPEN_LIST, TensorScan } from './tensor-scan.ts';

const MAX_DIMENSIONS: i32 = 16;

/** A part of the message; `start` is -1 where it is missing. */
export class Span {
  readonly start: i32;
  readonly end: i32;

  constructor(start: i32, end: i32) {
    this.start = start;
    this.end = end;
  }

  get missing(): boolean {
    return this.start < 0;
  }

  same(bytes: Uint8Array, other: Span, otherBytes: Uint8Array): boolean {
    if (this.start < 0 || other.start < 0) return this.start == other.start;
    return sameBytes(bytes, this.start, this.end, otherBytes, other.start, other.end);
  }
}

/** What is not there. Shared, so that fields that are left out cost nothing. */
export const NO_SPAN: Span = new Span(-1, -1);

export class InferTensor {
  name: Span = NO_SPAN;
  datatype: Span = NO_SPAN;
  parameters: Span = NO_SPAN;
  dimensions: i32[] = [];
  data: DataWalk | null = null;
}

/**
 * Steps over a value and says where it is; missing where there is none, or where the field was there
 * before.
 */
export function takeSpan(scan: TensorScan, before: Span): Span {
  if (!before.missing) return NO_SPAN;
  scan.peek();
  const start = scan.at;
  return scan.value() ? new Span(start, scan.at) : NO_SPAN;
}

/** As `takeSpan`, of a string only. */
export function takeTextSpan(scan: TensorScan, before: Span): Span {
  return scan.peek() == 0x22 ? takeSpan(scan, before) : NO_SPAN;
}

/** Reads a shape of one dimension or more. */
export function readShape(
  scan: TensorScan,
  tensor: InferTensor,
  edits: Edit[],
  index: i32,
): boolean {
  if (tensor.dimensions.length > 0 || !scan.take(OPEN_LIST)) return false;
  while (tensor.dimensions.length < MAX_DIMENSIONS) {
    scan.peek();
    const start = scan.at;
    const dimension = scan.whole();
    if (dimension < 0) return false;
    if (tensor.dimensions.length == 0) edits.push(new Edit(EDIT_ROWS, start, scan.at, index));
    tensor.dimensions.push(dimension);
    if (scan.take(CLOSE_LIST)) return true;
    if (!scan.takeComma()) return false;
  }
  return false;
}

/** Numbers in one row; an f64, as a product of dimensions may overflow. */
export function rowSize(dimensions: i32[]): f64 {
  let size: f64 = 1;
  for (let i = 1; i < dimensions.length; i++) size *= f64(dimensions[i]);
  return size;
}
