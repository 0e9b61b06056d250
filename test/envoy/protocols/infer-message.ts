/** Messages of the Open Inference Protocol over gRPC, made by hand: what a client sends, byte for byte. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

const MODEL_NAME = 1;
const MODEL_VERSION = 2;
const ID = 3;
const RAW_INPUT_CONTENTS = 7;

export interface InferMessage {
  readonly model?: string;
  readonly version?: string;
  readonly id?: string;
  readonly raw?: Uint8Array;
  /** The name stands behind all other fields, as some clients write it. */
  readonly nameLast?: boolean;
}

/** A ModelInferRequest. Also all other requests that have name and version in fields 1 and 2. */
export function inferMessage(message: InferMessage): Uint8Array {
  const { model, version, id, raw, nameLast = false } = message;
  const writer = new BinaryWriter();
  const name = () => {
    if (model !== undefined) writer.tag(MODEL_NAME, WireType.LengthDelimited).string(model);
  };
  if (!nameLast) name();
  if (version !== undefined) writer.tag(MODEL_VERSION, WireType.LengthDelimited).string(version);
  if (id !== undefined) writer.tag(ID, WireType.LengthDelimited).string(id);
  if (raw !== undefined) writer.tag(RAW_INPUT_CONTENTS, WireType.LengthDelimited).bytes(raw);
  if (nameLast) name();
  return writer.finish();
}

/** A message with text in these fields only. */
export function textMessage(fields: Readonly<Record<number, string>>): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, text] of Object.entries(fields)) {
    writer.tag(Number(number), WireType.LengthDelimited).string(text);
  }
  return writer.finish();
}

/** The texts of a message's fields; of each the last. */
export function textsOf(message: Uint8Array): Readonly<Record<number, string>> {
  const reader = new BinaryReader(message);
  const texts: Record<number, string> = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited)
      texts[number] = Buffer.from(reader.bytes()).toString();
    else reader.skip(wireType, number);
  }
  return texts;
}

/** A message as gRPC sends it: a flag and its length before it. */
export function frame(message: Uint8Array, flag = 0): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}
