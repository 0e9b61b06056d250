/** Compares two outputs of the same name: number by number, string by string, or by the labels in them. */
import { isSingleType, isWholeType, TYPE_BYTES } from './datatype.ts';
import { TEXT_END, TEXT_MALFORMED } from './json-text.ts';
import { NumberSource } from './number-source.ts';
import { AGREE, DISAGREE, INCOMPARABLE } from './outcome.ts';
import { Output } from './output.ts';

const TWO_TO_32: f64 = 4294967296;

/** What is not in a row of numbers: `labelOf` has met something that is no number. */
const NO_LABEL: i32 = -1;

/** All numbers within `tolerance` of each other, as a share of the larger one and at least of 1. */
export function compareTensors(a: Output, b: Output, tolerance: f64): i32 {
  if (!sameShape(a, b) || isText(a) != isText(b)) return DISAGREE;
  return isText(a) ? compareTexts(a, b) : compareNumbers(a, b, tolerance);
}

/** Whether there are labels in them: where each row is one fraction there are none. */
export function hasLabels(a: Output, b: Output): boolean {
  return isText(a) || (a.whole && b.whole) || columnsOf(a) != 1;
}

/**
 * The index of the largest number in each row, a row being the last dimension. Strings and lists of whole
 * numbers are labels themselves.
 */
export function compareLabels(a: Output, b: Output): i32 {
  if (!sameShape(a, b) || isText(a) != isText(b)) return DISAGREE;
  if (isText(a)) return compareTexts(a, b);
  const columns = columnsOf(a);
  if (a.whole && b.whole && (columns == 1 || a.dimensions.length < 2)) {
    return compareNumbers(a, b, 0);
  }
  if (columns == 0) return AGREE;
  const left = a.numbers();
  const right = b.numbers();
  const rows = i32(a.volume() / f64(columns));
  for (let row = 0; row < rows; row++) {
    const label = labelOf(left, columns);
    const other = labelOf(right, columns);
    if (label == NO_LABEL || other == NO_LABEL) return INCOMPARABLE;
    if (label != other) return DISAGREE;
  }
  return AGREE;
}

/** Numbers in a row. */
function columnsOf(output: Output): i32 {
  const dimensions = output.dimensions;
  return dimensions.length == 0 ? 1 : dimensions[dimensions.length - 1];
}

function isText(output: Output): boolean {
  return output.datatype == TYPE_BYTES;
}

function sameShape(a: Output, b: Output): boolean {
  if (a.dimensions.length != b.dimensions.length) return false;
  for (let i = 0; i < a.dimensions.length; i++) {
    if (a.dimensions[i] != b.dimensions[i]) return false;
  }
  return true;
}

function compareNumbers(a: Output, b: Output, tolerance: f64): i32 {
  const left = a.numbers();
  const right = b.numbers();
  // Of an f32, JSON has its shortest decimal and binary data its bits: both must be taken for the same number.
  const singles =
    (isSingleType(a.datatype) || isSingleType(b.datatype)) &&
    !isWholeType(a.datatype) &&
    !isWholeType(b.datatype);
  const count = i32(a.volume());
  for (let i = 0; i < count; i++) {
    if (!left.next() || !right.next()) return INCOMPARABLE;
    if (singles) {
      left.low = f64(f32(left.low));
      right.low = f64(f32(right.low));
    }
    if (left.high == right.high && left.low == right.low) continue;
    if (!isWithin(left, right, tolerance)) return DISAGREE;
  }
  return AGREE;
}

/** Of two that are not equal. */
function isWithin(left: NumberSource, right: NumberSource, tolerance: f64): boolean {
  if (!left.isNumber || !right.isNumber) return left.isNumber == right.isNumber;
  const a = left.value;
  const b = right.value;
  const difference = Math.abs((left.high - right.high) * TWO_TO_32 + (left.low - right.low));
  const larger = Math.max(1, Math.max(Math.abs(a), Math.abs(b)));
  return difference < Infinity && difference <= tolerance * larger;
}

/** The index of the first of the largest of the next `columns` numbers, or `NO_LABEL`. */
function labelOf(numbers: NumberSource, columns: i32): i32 {
  let label: i32 = 0;
  let high: f64 = NaN;
  let low: f64 = NaN;
  for (let column = 0; column < columns; column++) {
    if (!numbers.next()) return NO_LABEL;
    if (!numbers.isNumber) continue;
    if (numbers.high < high || (numbers.high == high && numbers.low <= low)) continue;
    label = column;
    high = numbers.high;
    low = numbers.low;
  }
  return label;
}

function compareTexts(a: Output, b: Output): i32 {
  const left = a.texts();
  const right = b.texts();
  const count = i32(a.volume());
  for (let i = 0; i < count; i++) {
    if (!left.next() || !right.next()) return INCOMPARABLE;
    let byte = left.nextByte();
    while (true) {
      const other = right.nextByte();
      if (byte == TEXT_MALFORMED || other == TEXT_MALFORMED) return INCOMPARABLE;
      if (byte != other) return DISAGREE;
      if (byte == TEXT_END) break;
      byte = left.nextByte();
    }
  }
  return AGREE;
}
