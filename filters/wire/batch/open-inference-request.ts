/**
 * Reads an inference request of the Open Inference Protocol, in JSON or with binary tensors behind it: just
 * enough to join it with others. Its tensors must have as many elements as their shapes say, else one
 * member's missing number would come out of another's.
 */
import { BatchRequest } from './batch-request.ts';
import { BYTES_DATATYPE, bytesElementsEnd, elementBytes, UNKNOWN_DATATYPE } from './datatype.ts';
import { EDIT_LIST, EDIT_SIZE, Edit } from './edit.ts';
import { Fields } from './fields.ts';
import { END, JsonScan, MORE } from './json-scan.ts';
import { ListWalk, NO_RUNS } from './list-walk.ts';
import { readShape, rowSize } from './shape.ts';
import { Signature } from './signature.ts';
import { compareBytes, NO_SPAN, Span } from './span.ts';

const MAX_TENSORS: i32 = 64;

class Input {
  name: Span = NO_SPAN;
  datatype: Span = NO_SPAN;
  dimensions: i32[] = [];
  parameters: Fields | null = null;
  data: ListWalk | null = null;
  binaryBytes: i32 = -1;
  place: Span = NO_SPAN;
}

/** Fills in `request`. False where it must go on alone and unchanged. */
export function readOpenInferenceRequest(request: BatchRequest): boolean {
  return new Reader(request).read();
}

class Reader {
  private request: BatchRequest;
  private scan: JsonScan;
  private inputs: Input[] = [];
  private parameters: Fields | null = null;
  /** The requested outputs, as they go into the signature. */
  private outputs: Signature | null = null;

  constructor(request: BatchRequest) {
    this.request = request;
    this.scan = new JsonScan(request.bytes, request.jsonEnd, false);
  }

  read(): boolean {
    const scan = this.scan;
    let more = scan.firstKey();
    while (more == MORE) {
      if (!this.field()) return false;
      more = scan.nextKey();
    }
    if (more != END || scan.peek() >= 0 || this.inputs.length == 0) return false;
    if (!this.agreeAboutRows() || !this.placeInputs()) return false;
    const order = this.sortedInputs();
    if (order.length == 0) return false;
    this.fillSlots(order);
    this.request.signature = this.signature(order);
    return true;
  }

  private field(): boolean {
    const scan = this.scan;
    if (scan.isText('inputs')) return this.inputs.length == 0 && this.readInputs();
    if (scan.isText('id')) {
      if (!this.request.id.missing) return false;
      this.request.id = scan.stringSpan();
      return !this.request.id.missing;
    }
    if (scan.isText('outputs')) return this.outputs === null && this.readOutputs();
    if (!scan.isText('parameters') || this.parameters !== null) return false;
    const fields = new Fields(scan.bytes);
    this.parameters = fields;
    return this.readParameters(fields);
  }

  private readInputs(): boolean {
    const scan = this.scan;
    let more = scan.firstItem();
    while (more == MORE) {
      if (this.inputs.length >= MAX_TENSORS || !this.readInput()) return false;
      more = scan.nextItem();
    }
    return more == END;
  }

  private readInput(): boolean {
    const scan = this.scan;
    const input = new Input();
    this.inputs.push(input);
    let more = scan.firstKey();
    while (more == MORE) {
      if (!this.inputField(input, this.inputs.length - 1)) return false;
      more = scan.nextKey();
    }
    return more == END && !input.name.missing && !input.datatype.missing;
  }

  private inputField(input: Input, index: i32): boolean {
    const scan = this.scan;
    const edits = this.request.edits;
    if (scan.isText('data')) return input.data === null && this.readData(input, index);
    if (scan.isText('shape')) return readShape(scan, input.dimensions, edits, index);
    if (scan.isText('name')) {
      if (!input.name.missing) return false;
      input.name = scan.stringSpan();
      return !input.name.missing;
    }
    if (scan.isText('datatype')) {
      if (!input.datatype.missing) return false;
      input.datatype = scan.stringSpan();
      return !input.datatype.missing;
    }
    return scan.isText('parameters') && this.readInputParameters(input, index);
  }

  private readData(input: Input, index: i32): boolean {
    const walk = new ListWalk(NO_RUNS);
    if (!walk.tensor(this.scan)) return false;
    input.data = walk;
    this.request.edits.push(new Edit(EDIT_LIST, walk.start, walk.end, index));
    return true;
  }

  private readInputParameters(input: Input, index: i32): boolean {
    if (input.parameters !== null) return false;
    const scan = this.scan;
    const fields = new Fields(scan.bytes);
    input.parameters = fields;
    let more = scan.firstKey();
    while (more == MORE) {
      if (scan.isText('binary_data_size')) {
        if (input.binaryBytes >= 0) return false;
        scan.peek();
        const start = scan.at;
        input.binaryBytes = scan.whole();
        if (input.binaryBytes < 0) return false;
        this.request.edits.push(new Edit(EDIT_SIZE, start, scan.at, index));
      } else if (!takeParameter(scan, fields)) return false;
      more = scan.nextKey();
    }
    return more == END;
  }

  private readParameters(fields: Fields): boolean {
    const scan = this.scan;
    let more = scan.firstKey();
    while (more == MORE) {
      if (!takeParameter(scan, fields)) return false;
      more = scan.nextKey();
    }
    return more == END;
  }

  private readOutputs(): boolean {
    const scan = this.scan;
    const signature = new Signature();
    this.outputs = signature;
    let count: i32 = 0;
    let more = scan.firstItem();
    while (more == MORE) {
      if (++count > MAX_TENSORS || !this.readOutput(signature)) return false;
      more = scan.nextItem();
    }
    return more == END;
  }

  private readOutput(signature: Signature): boolean {
    const scan = this.scan;
    let name = NO_SPAN;
    let parameters: Fields | null = null;
    let more = scan.firstKey();
    while (more == MORE) {
      if (scan.isText('name')) {
        if (!name.missing) return false;
        name = scan.stringSpan();
        if (name.missing) return false;
      } else {
        if (!scan.isText('parameters') || parameters !== null) return false;
        parameters = new Fields(scan.bytes);
        if (!this.readParameters(parameters)) return false;
      }
      more = scan.nextKey();
    }
    if (more != END || name.missing) return false;
    signature.add(scan.bytes, name.start, name.end);
    if (parameters !== null) parameters.addTo(signature);
    return true;
  }

  private agreeAboutRows(): boolean {
    const inputs = this.inputs;
    for (let i = 0; i < inputs.length; i++) {
      const dimensions = inputs[i].dimensions;
      if (dimensions.length == 0 || dimensions[0] <= 0) return false;
      if (i == 0) this.request.rows = dimensions[0];
      else if (dimensions[0] != this.request.rows) return false;
    }
    return true;
  }

  /** Finds each input's elements, which must be as many as its shape says, up to the last byte. */
  private placeInputs(): boolean {
    const bytes = this.request.bytes;
    let at = this.request.jsonEnd;
    for (let i = 0; i < this.inputs.length; i++) {
      const input = this.inputs[i];
      const data = input.data;
      const elements = f64(this.request.rows) * rowSize(input.dimensions);
      const type = elementBytes(bytes, input.datatype.start + 1, input.datatype.end - 1);
      // Each element takes a byte at least, so whatever fits is below 2^31.
      if (type == UNKNOWN_DATATYPE || elements <= 0 || elements > f64(bytes.length)) return false;
      if (data !== null) {
        if (input.binaryBytes >= 0 || elements != f64(data.leaves)) return false;
        if (data.levels > 1 && data.elements != this.request.rows) return false;
        input.place = new Span(data.start, data.end);
        continue;
      }
      if (input.binaryBytes < 0 || input.binaryBytes > bytes.length - at) return false;
      const end = at + input.binaryBytes;
      if (type == BYTES_DATATYPE) {
        if (bytesElementsEnd(bytes, at, end, i32(elements)) != end) return false;
      } else if (elements * f64(type) != f64(input.binaryBytes)) return false;
      input.place = new Span(at, end);
      at = end;
    }
    return at == bytes.length;
  }

  /** Where the inputs stand in the order of their names; empty where two have the same name. */
  private sortedInputs(): i32[] {
    const order: i32[] = [];
    for (let i = 0; i < this.inputs.length; i++) {
      const name = this.inputs[i].name;
      let at = order.length;
      order.push(i);
      while (at > 0) {
        const before = this.inputs[order[at - 1]].name;
        const bytes = this.request.bytes;
        const difference = compareBytes(
          bytes,
          before.start,
          before.end,
          bytes,
          name.start,
          name.end,
        );
        if (difference == 0) return [];
        if (difference < 0) break;
        order[at] = order[at - 1];
        at--;
      }
      order[at] = i;
    }
    return order;
  }

  private fillSlots(order: i32[]): void {
    const request = this.request;
    const ranks: i32[] = order.slice(0);
    for (let i = 0; i < order.length; i++) {
      ranks[order[i]] = i;
      request.slots.push(this.inputs[order[i]].place);
    }
    for (let i = 0; i < ranks.length; i++) {
      if (this.inputs[i].binaryBytes >= 0) request.binarySlots.push(ranks[i]);
    }
    const edits = request.edits;
    for (let i = 0; i < edits.length; i++) edits[i].part = ranks[edits[i].part];
  }

  private signature(order: i32[]): Uint8Array {
    const bytes = this.request.bytes;
    const signature = new Signature();
    signature.byte(this.request.kind);
    // A server may make up an id for who has none: that is kept from nobody, and shown to nobody else.
    signature.byte(this.request.id.missing ? 0 : 1);
    signature.byte(this.request.hasHeader ? 1 : 0);
    for (let i = 0; i < order.length; i++) {
      const input = this.inputs[order[i]];
      signature.add(bytes, input.name.start, input.name.end);
      signature.add(bytes, input.datatype.start, input.datatype.end);
      const data = input.data;
      signature.whole(data === null ? 0 : data.levels);
      signature.whole(input.dimensions.length);
      for (let k = 1; k < input.dimensions.length; k++) signature.whole(input.dimensions[k]);
      const parameters = input.parameters;
      if (parameters !== null) parameters.addTo(signature);
    }
    signature.byte(0x3b);
    const parameters = this.parameters;
    if (parameters !== null) parameters.addTo(signature);
    const outputs = this.outputs;
    if (outputs !== null) {
      signature.byte(0x5b);
      const wanted = outputs.finish();
      signature.add(wanted, 0, wanted.length);
    }
    return signature.finish();
  }
}

/** What belongs to one caller's sequence or memory cannot be shared. */
function takeParameter(scan: JsonScan, fields: Fields): boolean {
  if (scan.startsWith('sequence_') || scan.startsWith('shared_memory')) return false;
  return fields.take(scan);
}
