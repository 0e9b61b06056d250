/**
 * Rows of a file as inputs of a model: one sample each, whatever the file's format is. This folder knows files
 * and tensors; it must not know what becomes of the rows.
 */
import type { Tensor } from '../../../inference/protocol/tensor.ts';

export interface Row {
  /** From 1; a header line does not count. */
  readonly number: number;
  /** In the order of the model's inputs, each as a request of one row has it: `[1, 64]` of `[-1, 64]`. */
  readonly inputs: readonly Tensor[];
  /** What the label column says; null where none was asked for. */
  readonly label: string | null;
}

/** A row that cannot be a request. Those behind it can. */
export interface BadRow {
  readonly number: number;
  /** The column or the input that is wrong; null: the row as a whole. */
  readonly field: string | null;
  /** For people: what is wrong with the field, and what would be right. */
  readonly reason: string;
}

export interface RowFile {
  /** Of the whole file. */
  readonly bytes: number;
  /** So far. */
  readonly bytesRead: number;
  /**
   * Every row behind the first `skip`, once.
   * @throws RowFileError where the file cannot be read on.
   */
  rows(skip: number): AsyncIterable<Row | BadRow>;
}

export interface RowOptions {
  /** Column, or key of a JSON line, that holds what is to be predicted; it is no input. */
  readonly label: string | null;
  /** Columns that are no inputs either. */
  readonly ignore: readonly string[];
  /** Whether the first line of a CSV file is a row, even if it does not look like one. */
  readonly noHeader: boolean;
}

/** What the file's owner can put right: no row is read, or none behind this. */
export class RowFileError extends Error {}

/** What is wrong with one row; its reader knows the number. */
export class BadField extends Error {
  readonly field: string | null;

  constructor(field: string | null, reason: string) {
    super(reason);
    this.field = field;
  }
}

export function isBad(row: Row | BadRow): row is BadRow {
  return 'reason' in row;
}

/** Runs `read`; a BadField of it becomes the row that it spoils. */
export function rowOrBad(number: number, read: () => Row): Row | BadRow {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadField)) throw error;
    return { number, field: error.field, reason: error.message };
  }
}
