/**
 * Reads the answer to joined inference requests of the Open Inference Protocol. The first dimension of every
 * output must be that of all members together: a row too few or too many, and nobody gets any.
 */
import { BatchAnswer } from './batch-answer.ts';
import { elementBytes } from './datatype.ts';
import { EDIT_ID, EDIT_LIST, EDIT_SIZE, Edit } from './edit.ts';
import { END, JsonScan, MORE, OPEN_LIST } from './json-scan.ts';
import { ListWalk } from './list-walk.ts';
import { readShape, rowSize } from './shape.ts';
import { NO_SPAN, Span } from './span.ts';
import { binaryCuts } from './tensor-cuts.ts';

const MAX_TENSORS: i32 = 64;

class Output {
  dimensions: i32[] = [];
  datatype: Span = NO_SPAN;
  hasParameters: boolean = false;
  binaryBytes: i32 = -1;
  /** Its list, once one was met. */
  data: Edit | null = null;
  cuts: i32[] | null = null;
}

/** Fills in `answer`. False where it cannot be cut. */
export function readOpenInferenceAnswer(answer: BatchAnswer): boolean {
  return new Reader(answer).read();
}

class Reader {
  private answer: BatchAnswer;
  private scan: JsonScan;
  private outputs: Output[] = [];
  private hasId: boolean = false;

  constructor(answer: BatchAnswer) {
    this.answer = answer;
    this.scan = new JsonScan(answer.bytes, answer.jsonEnd, true);
  }

  read(): boolean {
    const scan = this.scan;
    let more = scan.firstKey();
    while (more == MORE) {
      if (!this.field()) return false;
      more = scan.nextKey();
    }
    if (more != END || scan.peek() >= 0) return false;
    return this.outputs.length > 0 && this.cutBinary();
  }

  private field(): boolean {
    const scan = this.scan;
    if (scan.isText('outputs')) return this.outputs.length == 0 && this.readOutputs();
    if (!scan.isText('id')) return scan.value();
    const id = scan.span();
    if (this.hasId || id.missing) return false;
    this.hasId = true;
    // Who sent none gets the one that the server made up.
    if (this.answer.share.ids.length > 0) {
      this.answer.edits.push(new Edit(EDIT_ID, id.start, id.end, 0));
    }
    return true;
  }

  private readOutputs(): boolean {
    const scan = this.scan;
    let more = scan.firstItem();
    while (more == MORE) {
      if (this.outputs.length >= MAX_TENSORS || !this.readOutput()) return false;
      more = scan.nextItem();
    }
    return more == END;
  }

  private readOutput(): boolean {
    const scan = this.scan;
    const output = new Output();
    const index = this.outputs.length;
    this.outputs.push(output);
    let more = scan.firstKey();
    while (more == MORE) {
      if (!this.outputField(output, index)) return false;
      more = scan.nextKey();
    }
    if (more != END) return false;
    const dimensions = output.dimensions;
    if (dimensions.length == 0 || dimensions[0] != this.answer.share.totalRows) return false;
    const data = output.data;
    if (data === null) return output.binaryBytes >= 0;
    if (output.binaryBytes >= 0) return false;
    return output.cuts !== null || this.cutAt(output, data) >= 0;
  }

  private outputField(output: Output, index: i32): boolean {
    const scan = this.scan;
    const edits = this.answer.edits;
    if (scan.isText('data')) return output.data === null && this.readData(output, index);
    if (scan.isText('shape')) return readShape(scan, output.dimensions, edits, index);
    if (scan.isText('datatype')) {
      if (!output.datatype.missing) return false;
      output.datatype = scan.stringSpan();
      return !output.datatype.missing;
    }
    if (!scan.isText('parameters')) return scan.value();
    if (output.hasParameters) return false;
    output.hasParameters = true;
    return this.readParameters(output, index);
  }

  /** Cuts the data while stepping over it, if the shape is known by now; else steps over it. */
  private readData(output: Output, index: i32): boolean {
    const scan = this.scan;
    scan.peek();
    const data = new Edit(EDIT_LIST, scan.at, scan.at, index);
    output.data = data;
    this.answer.edits.push(data);
    if (output.dimensions.length == 0) return scan.value();
    const after = this.cutAt(output, data);
    scan.at = after < 0 ? scan.at : after;
    return after >= 0;
  }

  /** Cuts the list at the edit's start into the members' rows. Returns the byte after it, or -1. */
  private cutAt(output: Output, data: Edit): i32 {
    const answer = this.answer;
    const share = answer.share;
    const size = rowSize(output.dimensions);
    const leaves = size * f64(share.totalRows);
    if (output.dimensions[0] != share.totalRows || leaves > f64(answer.bytes.length)) return -1;
    const scan = new JsonScan(answer.bytes, answer.jsonEnd, true);
    scan.at = data.start;
    const nested = scan.take(OPEN_LIST) && scan.peek() == OPEN_LIST;
    scan.at = data.start;
    const runs: i32[] = [];
    for (let i = 0; i < share.rows.length && (nested || size > 0); i++) {
      runs.push(nested ? share.rows[i] : share.rows[i] * i32(size));
    }
    const walk = new ListWalk(runs);
    if (!walk.tensor(scan) || f64(walk.leaves) != leaves) return -1;
    if (runs.length > 0 && !walk.isCut) return -1;
    output.cuts = runs.length > 0 ? walk.cuts : emptyCuts(walk.start, share.rows.length);
    data.start = walk.start;
    data.end = walk.end;
    return scan.at;
  }

  private readParameters(output: Output, index: i32): boolean {
    const scan = this.scan;
    let more = scan.firstKey();
    while (more == MORE) {
      if (scan.isText('binary_data_size')) {
        if (output.binaryBytes >= 0) return false;
        scan.peek();
        const start = scan.at;
        output.binaryBytes = scan.whole();
        if (output.binaryBytes < 0) return false;
        this.answer.edits.push(new Edit(EDIT_SIZE, start, scan.at, index));
      } else if (!scan.value()) return false;
      more = scan.nextKey();
    }
    return more == END;
  }

  /** Cuts the tensors behind the JSON, which must be just there. */
  private cutBinary(): boolean {
    const answer = this.answer;
    const bytes = answer.bytes;
    let at = answer.jsonEnd;
    for (let i = 0; i < this.outputs.length; i++) {
      const output = this.outputs[i];
      let cuts = output.cuts;
      if (cuts === null) {
        if (output.datatype.missing || output.binaryBytes > bytes.length - at) return false;
        const type = elementBytes(bytes, output.datatype.start + 1, output.datatype.end - 1);
        const end = at + output.binaryBytes;
        const size = rowSize(output.dimensions);
        cuts = binaryCuts(bytes, at, end, type, size, answer.share.rows);
        if (cuts === null) return false;
        answer.binaryParts.push(i);
        at = end;
      }
      answer.cuts.push(cuts);
    }
    return at == bytes.length;
  }
}

/** Rows of nothing. */
function emptyCuts(at: i32, members: i32): i32[] {
  const cuts: i32[] = [];
  for (let i = 0; i < members * 2; i++) cuts.push(at);
  return cuts;
}
