/**
 * Reads the answer to joined requests and cuts each member's part out of it. The answer is the mould:
 * only the id, each output's first dimension and its data change. Fewer or more rows than were asked for
 * make it unreadable, so that nobody gets a row of someone else.
 */
import { InferTensor, NO_SPAN, readShape, rowSize, Span, takeSpan } from './tensor.ts';
import { DataWalk } from './tensor-data.ts';
import { ByteWriter, EDIT_DATA, EDIT_ID, EDIT_ROWS, Edit, wholeLength } from './tensor-edit.ts';
import { CLOSE_LIST, CLOSE_OBJECT, OPEN_LIST, OPEN_OBJECT, TensorScan } from './tensor-scan.ts';

const MAX_TENSORS: i32 = 64;

export class InferResponse {
  readonly bytes: Uint8Array;
  /** Rows of each member. */
  readonly rows: i32[];
  readonly totalRows: i32;
  id: Span = NO_SPAN;
  tensors: InferTensor[] = [];
  edits: Edit[] = [];

  constructor(bytes: Uint8Array, rows: i32[]) {
    this.bytes = bytes;
    this.rows = rows;
    let total: i32 = 0;
    for (let i = 0; i < rows.length; i++) total += rows[i];
    this.totalRows = total;
  }

  /**
   * The answer of one member. `id` is the text of its own id as it stood in its request, quotes included;
   * it replaces the answer's, if that has one. Empty: the answer's stays.
   */
  slice(member: i32, id: Uint8Array): Uint8Array {
    const writer = new ByteWriter(this.sliceLength(member, id));
    let at: i32 = 0;
    for (let i = 0; i < this.edits.length; i++) {
      const edit = this.edits[i];
      writer.copy(this.bytes, at, edit.start);
      at = edit.end;
      if (edit.kind == EDIT_ROWS) {
        writer.whole(this.rows[member]);
      } else if (edit.kind == EDIT_DATA) {
        writer.copy(this.bytes, this.cut(edit, member * 2), this.cut(edit, member * 2 + 1));
      } else if (id.length > 0) {
        writer.copy(id, 0, id.length);
      } else {
        at = edit.start;
      }
    }
    writer.copy(this.bytes, at, this.bytes.length);
    return writer.bytes;
  }

  private sliceLength(member: i32, id: Uint8Array): i32 {
    let length = this.bytes.length;
    for (let i = 0; i < this.edits.length; i++) {
      const edit = this.edits[i];
      const old = edit.end - edit.start;
      if (edit.kind == EDIT_ROWS) length += wholeLength(this.rows[member]) - old;
      else if (edit.kind == EDIT_DATA) {
        length += this.cut(edit, member * 2 + 1) - this.cut(edit, member * 2) - old;
      } else if (id.length > 0) length += id.length - old;
    }
    return length;
  }

  private cut(edit: Edit, index: i32): i32 {
    const data = this.tensors[edit.tensor].data;
    return data === null ? edit.end : data.cuts[index];
  }
}

/** The answer in `bytes` to members of so many rows each, or null where it cannot be cut. */
export function readInferResponse(bytes: Uint8Array, rows: i32[]): InferResponse | null {
  const response = new InferResponse(bytes, rows);
  const scan = new TensorScan(bytes);
  if (!readMessage(scan, response) || scan.peek() >= 0) return null;
  return response.tensors.length > 0 ? response : null;
}

function readMessage(scan: TensorScan, response: InferResponse): boolean {
  if (!scan.take(OPEN_OBJECT)) return false;
  while (true) {
    if (!scan.key()) return false;
    if (scan.isText('outputs')) {
      if (response.tensors.length > 0 || !readTensors(scan, response)) return false;
    } else if (scan.isText('id')) {
      response.id = takeSpan(scan, response.id);
      if (response.id.missing) return false;
      response.edits.push(new Edit(EDIT_ID, response.id.start, response.id.end, 0));
    } else if (!scan.value()) return false;
    if (scan.take(CLOSE_OBJECT)) return true;
    if (!scan.takeComma()) return false;
  }
}

function readTensors(scan: TensorScan, response: InferResponse): boolean {
  if (!scan.take(OPEN_LIST)) return false;
  while (true) {
    if (response.tensors.length >= MAX_TENSORS || !readTensor(scan, response)) return false;
    if (scan.take(CLOSE_LIST)) return true;
    if (!scan.takeComma()) return false;
  }
}

function readTensor(scan: TensorScan, response: InferResponse): boolean {
  const tensor = new InferTensor();
  const index = response.tensors.length;
  let data: Edit | null = null;
  response.tensors.push(tensor);
  if (!scan.take(OPEN_OBJECT)) return false;
  while (true) {
    if (!scan.key()) return false;
    if (scan.isText('shape')) {
      if (!readShape(scan, tensor, response.edits, index)) return false;
    } else if (scan.isText('data')) {
      if (data !== null) return false;
      scan.peek();
      data = new Edit(EDIT_DATA, scan.at, scan.at, index);
      response.edits.push(data);
      if (!takeData(scan, response, tensor, data)) return false;
    } else if (!scan.value()) return false;
    if (scan.take(CLOSE_OBJECT)) break;
    if (!scan.takeComma()) return false;
  }
  if (data === null) return false;
  return tensor.data !== null || cutData(response, tensor, data) >= 0;
}

/** Cuts the data while stepping over it, if the shape is known by now; else steps over it. */
function takeData(
  scan: TensorScan,
  response: InferResponse,
  tensor: InferTensor,
  edit: Edit,
): boolean {
  if (tensor.dimensions.length == 0) return scan.value();
  const after = cutData(response, tensor, edit);
  if (after < 0) return false;
  scan.at = after;
  return true;
}

/** Cuts the data at the edit's start into the members' rows. Returns the byte after it, or -1. */
function cutData(response: InferResponse, tensor: InferTensor, edit: Edit): i32 {
  const dimensions = tensor.dimensions;
  if (dimensions.length == 0 || dimensions[0] != response.totalRows) return -1;
  const size = rowSize(dimensions);
  const leaves = size * f64(response.totalRows);
  if (leaves <= 0 || leaves > f64(response.bytes.length)) return -1;
  const scan = new TensorScan(response.bytes);
  scan.at = edit.start;
  if (!scan.take(OPEN_LIST)) return -1;
  const nested = scan.peek() == OPEN_LIST;
  const runs: i32[] = [];
  for (let i = 0; i < response.rows.length; i++) {
    runs.push(nested ? response.rows[i] : response.rows[i] * i32(size));
  }
  const walk = new DataWalk(response.bytes, runs);
  const after = walk.walk(edit.start);
  if (after < 0 || f64(walk.leaves) != leaves) return -1;
  if (walk.cuts.length != runs.length * 2) return -1;
  if (nested && walk.elements != response.totalRows) return -1;
  edit.start = walk.start;
  edit.end = walk.end;
  tensor.data = walk;
  return after;
}
