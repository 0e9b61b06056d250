/**
 * What has to be found in a gRPC body: told from the fields that a protobuf library reads in its messages.
 * The rules are those of `filters/wire/grpc-reader.ts`, over whole messages instead of bytes.
 */
import { isUtf8 } from 'node:buffer';
import { WireType } from '@bufbuild/protobuf/wire';
import {
  READ_DONE,
  READ_MALFORMED,
  READ_NO_MODEL,
  READ_NOT_STRING,
  READ_SECOND,
} from '../../../filters/wire/body-reader.ts';
import { fieldsOf, type GrpcField, messagesOf } from '../../harness/random-grpc.ts';

const MAX_NAME_UNITS = 512;
const MAX_VERSION_UNITS = 253;

export interface GrpcFields {
  readonly modelField: number;
  /** 0: the message has none. */
  readonly versionField: number;
}

export interface ExpectedGrpc {
  /** Null where it has to be refused, though the library takes it: other parsers read it in other ways. */
  readonly status: number | null;
  readonly name: string;
  readonly nameTooLong: boolean;
  readonly version: string;
}

/** Null where the body is not one of whole messages, or the library refuses one: never taken for good. */
export function expectedGrpc(
  body: Uint8Array,
  fields: GrpcFields,
  streaming: boolean,
): ExpectedGrpc | null {
  try {
    const messages = messagesOf(body);
    if (messages.length === 0 || (messages.length > 1 && !streaming)) return null;
    const meanings = messages.map((message) => meaningOf(message, fields));
    const [first] = meanings;
    if (first === undefined) return null;
    const isStrict = messages.every(isPlain);
    return { ...first, status: isStrict ? statusOf(meanings) : null };
  } catch {
    return null;
  }
}

interface Meaning extends ExpectedGrpc {
  readonly status: number;
}

/** All messages have to name the model and the version of the first. */
function statusOf(meanings: readonly Meaning[]): number {
  for (const [index, { status, name, nameTooLong, version }] of meanings.entries()) {
    const isFirst = index === 0;
    if (status === READ_NO_MODEL && !isFirst) return READ_SECOND;
    if (status !== READ_DONE) return status;
    const differs = name !== meanings[0]?.name || version !== meanings[0]?.version;
    if (!isFirst && (differs || nameTooLong)) return READ_SECOND;
  }
  return READ_DONE;
}

function meaningOf(message: Uint8Array, wanted: GrpcFields): Meaning {
  const fields = fieldsOf(message);
  const { modelField, versionField } = wanted;
  // Of two, the library decodes the last only; the reader refuses the first of them already.
  for (const field of fields) {
    if (field.number === modelField || field.number === versionField) assertText(field);
  }
  const name = textOf(fields, wanted.modelField);
  const version = wanted.versionField === 0 ? '' : textOf(fields, wanted.versionField);
  const nameTooLong = name.length > MAX_NAME_UNITS;
  const status = statusOfFields(fields, wanted);
  return { status, name: nameTooLong ? '' : name, nameTooLong, version };
}

/** The text of a field, of which the last counts. */
function textOf(fields: readonly GrpcField[], number: number): string {
  const last = fields.findLast((field) => field.number === number && field.bytes);
  return Buffer.from(last?.bytes ?? []).toString();
}

/** Throws where it is not UTF-8. What is longer than any name is not looked at. */
function assertText({ bytes = new Uint8Array() }: GrpcField): void {
  if (bytes.length > MAX_NAME_UNITS * 3 || isUtf8(bytes)) return;
  throw new Error('not UTF-8');
}

function statusOfFields(
  fields: readonly GrpcField[],
  { modelField, versionField }: GrpcFields,
): number {
  const seen = new Set<number>();
  let settled = false;
  for (const [index, { number, wireType }] of fields.entries()) {
    const isWanted = number === modelField || number === versionField;
    if (isWanted && (seen.has(number) || (number === versionField && settled))) return READ_SECOND;
    if (isWanted && wireType !== WireType.LengthDelimited) {
      return number === modelField ? READ_NOT_STRING : READ_MALFORMED;
    }
    seen.add(number);
    const soFar = fields.slice(0, index + 1);
    if (number === versionField && textOf(soFar, number).length > MAX_VERSION_UNITS) {
      return READ_MALFORMED;
    }
    const isLater = number > modelField && number > versionField;
    const hasVersion = versionField === 0 || seen.has(versionField);
    if (seen.has(modelField) && (isLater || hasVersion)) settled = true;
    if (settled && textOf(soFar, modelField) === '') return READ_NO_MODEL;
  }
  return textOf(fields, modelField) === '' ? READ_NO_MODEL : READ_DONE;
}

const MAX_VARINT_BYTES = 10;
const MAX_TAG_BYTES = 5;

/** Whether no parser could read the message's tags and lengths in another way. */
function isPlain(message: Uint8Array): boolean {
  let at = 0;
  /** A varint, or null where it is too long, or cut off. */
  const varint = (maxBytes: number): bigint | null => {
    let value = 0n;
    for (let size = 0; size < maxBytes && at < message.length; size++) {
      const byte = message[at++] as number;
      value |= BigInt(byte & 0x7f) << BigInt(size * 7);
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (at < message.length) {
    const tag = varint(MAX_TAG_BYTES);
    if (tag === null || tag >= 2n ** 32n) return false;
    const wire = Number(tag & 7n);
    if (wire === WireType.Bit64) at += 8;
    else if (wire === WireType.Bit32) at += 4;
    else if (wire === WireType.StartGroup || wire === WireType.EndGroup) return false;
    else {
      const value = varint(MAX_VARINT_BYTES);
      if (value === null) return false;
      if (wire === WireType.LengthDelimited) {
        if (value > BigInt(message.length - at)) return false;
        at += Number(value);
      }
    }
  }
  return at === message.length;
}
