/**
 * A model server of the Open Inference Protocol over gRPC, written without our readers: what a request would get
 * alone. `y` is `x` doubled, `name` says which row it is of. It refuses those that have the poison in them.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { BATCH_GRPC } from '../../../filters/wire/batch/batch-request.ts';
import { floatBytes, type Message, POISON } from './model-server.ts';

export interface GrpcTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** Elements as the extension for binary tensors has them. */
  readonly raw: Uint8Array;
}

/** A request or an answer, as far as this server knows them. */
export interface GrpcMessage {
  readonly model?: string;
  readonly version?: string;
  readonly id?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly tensors: readonly GrpcTensor[];
  /** Requested outputs. */
  readonly outputs?: readonly string[];
}

export interface GrpcReply {
  /** 0 comes with a message. */
  readonly status: number;
  readonly text: string;
  /** With its frame. */
  readonly bytes: Buffer;
}

const RAW = { request: 7, answer: 6 } as const;
type Kind = keyof typeof RAW;

export interface GrpcStyle {
  /** Numbers of a shape behind one length, as most write them. */
  readonly packed?: boolean;
  /** Raw contents before the rest. */
  readonly rawFirst?: boolean;
}

export function encodeGrpc(kind: Kind, message: GrpcMessage, style: GrpcStyle = {}): Buffer {
  const writer = new BinaryWriter();
  const text = (field: number, value: string | undefined): void => {
    if (value !== undefined) writer.tag(field, WireType.LengthDelimited).string(value);
  };
  const raws = (): void => {
    for (const { raw } of message.tensors) {
      writer.tag(RAW[kind], WireType.LengthDelimited).bytes(raw);
    }
  };
  if (style.rawFirst) raws();
  text(1, message.model);
  text(2, message.version);
  text(3, message.id);
  for (const [key, value] of Object.entries(message.parameters ?? {})) {
    writer.tag(4, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(3, WireType.LengthDelimited).string(value).join().join();
  }
  for (const tensor of message.tensors) writeTensor(writer, tensor, style.packed ?? true);
  for (const name of message.outputs ?? []) {
    writer.tag(6, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name).join();
  }
  if (!style.rawFirst) raws();
  return grpcFrame(writer.finish());
}

function writeTensor(writer: BinaryWriter, tensor: GrpcTensor, packed: boolean): void {
  writer.tag(5, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(tensor.name);
  writer.tag(2, WireType.LengthDelimited).string(tensor.datatype);
  if (packed) {
    writer.tag(3, WireType.LengthDelimited).fork();
    for (const dimension of tensor.shape) writer.int64(dimension);
    writer.join();
  } else {
    for (const dimension of tensor.shape) writer.tag(3, WireType.Varint).int64(dimension);
  }
  writer.join();
}

/** @throws where the bytes are not one whole message that says each thing once. */
export function decodeGrpc(kind: Kind, framed: Uint8Array): GrpcMessage {
  const bytes = Buffer.from(framed);
  if (bytes.length < 5 || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.length - 5) {
    throw new Error('no whole message');
  }
  const reader = new BinaryReader(bytes.subarray(5));
  const texts: Record<number, string> = {};
  const parameters: Record<string, string> = {};
  const heads: Omit<GrpcTensor, 'raw'>[] = [];
  const raws: Uint8Array[] = [];
  const outputs: string[] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire !== WireType.LengthDelimited || field > 7) reader.skip(wire, field);
    else if (field === RAW[kind]) raws.push(reader.bytes());
    else if (field === 5) heads.push(readTensor(reader.bytes()));
    else if (field === 4) Object.assign(parameters, readParameter(reader.bytes()));
    else if (field === 6) outputs.push(textOf(reader.bytes(), 1));
    else texts[field] = reader.string();
  }
  if (heads.length !== raws.length) throw new Error('not a raw for each tensor');
  const tensors = heads.map((head, i) => ({ ...head, raw: raws[i] ?? new Uint8Array(0) }));
  const [model, version, id] = [texts[1], texts[2], texts[3]];
  return {
    ...(model !== undefined && { model }),
    ...(version !== undefined && { version }),
    ...(id !== undefined && { id }),
    ...(Object.keys(parameters).length > 0 && { parameters }),
    ...(outputs.length > 0 && { outputs }),
    tensors,
  };
}

function readTensor(bytes: Uint8Array): Omit<GrpcTensor, 'raw'> {
  const reader = new BinaryReader(bytes);
  const texts: Record<number, string> = {};
  const shape: number[] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field !== 3) texts[field] = reader.string();
    else if (wire === WireType.Varint) shape.push(Number(reader.int64()));
    else {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) shape.push(Number(reader.int64()));
    }
  }
  return { name: texts[1] ?? '', datatype: texts[2] ?? '', shape };
}

function readParameter(bytes: Uint8Array): Record<string, string> {
  const reader = new BinaryReader(bytes);
  reader.tag();
  const key = reader.string();
  reader.tag();
  return { [key]: textOf(reader.bytes(), 3) };
}

function textOf(bytes: Uint8Array, wanted: number): string {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === wanted) return reader.string();
    reader.skip(wire, field);
  }
  return '';
}

export function grpcFrame(message: Uint8Array, flag = 0): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

export function serveGrpc(framed: Uint8Array): GrpcReply {
  try {
    return {
      status: 0,
      text: '',
      bytes: encodeGrpc('answer', infer(decodeGrpc('request', framed))),
    };
  } catch (error) {
    return { status: 3, text: (error as Error).message, bytes: Buffer.alloc(0) };
  }
}

function infer({ id, model, tensors: [input], outputs: wanted }: GrpcMessage): GrpcMessage {
  const [rows = 0, columns = 0] = input?.shape ?? [];
  const raw = Buffer.from(input?.raw ?? []);
  const numbers = Array.from({ length: raw.length / 4 }, (_, i) => raw.readFloatLE(i * 4));
  if (numbers.length !== rows * columns) throw new Error('not the shape');
  if (numbers.includes(POISON)) throw new Error('the poison is not allowed');
  const names = Array.from({ length: rows }, (_, row) => `row of ${numbers[row * columns]}`);
  const doubled = floatBytes(numbers.map((value) => value * 2));
  const tensors = [
    { name: 'y', datatype: 'FP32', shape: [rows, columns], raw: doubled },
    { name: 'name', datatype: 'BYTES', shape: [rows, 1], raw: bytesElements(names) },
  ].filter(({ name }) => !wanted || wanted.includes(name));
  return { ...(model && { model: `${model}-answer` }), ...(id && { id }), tensors };
}

/** A tensor of BYTES: each text behind its length. */
export function bytesElements(texts: readonly string[]): Buffer {
  const parts = texts.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(text));
    return [length, Buffer.from(text)];
  });
  return Buffer.concat(parts);
}

export interface GrpcAsking {
  readonly rows?: number;
  readonly columns?: number;
  readonly withId?: boolean;
  readonly poisoned?: boolean;
  readonly model?: string;
}

/** A request whose numbers tell whose it is. */
export function grpcRequest(owner: number, asking: GrpcAsking = {}, style: GrpcStyle = {}): Buffer {
  const { rows = 1, columns = 2, withId = true, poisoned = false, model = 'digits' } = asking;
  const numbers = Array.from({ length: rows * columns }, (_, i) => owner * 1_000 + i);
  if (poisoned) numbers[0] = POISON;
  const input = { name: 'x', datatype: 'FP32', shape: [rows, columns], raw: floatBytes(numbers) };
  return encodeGrpc(
    'request',
    { model, ...(withId && { id: `c${owner}` }), tensors: [input] },
    style,
  );
}

/** As a message of the tests that know all protocols. */
export function grpcMessage(owner: number, asking: GrpcAsking = {}): Message {
  return { kind: BATCH_GRPC, bytes: grpcRequest(owner, asking), jsonBytes: -1 };
}
