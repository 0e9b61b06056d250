/** Bodies in which clients name a model: gRPC messages and forms. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { fieldsOf, grpcFrame, messagesOf, textOf } from '../../harness/random-grpc.ts';

/** Numbers and texts of a message's fields. */
export type Fields = readonly (readonly [number: number, text: string])[];

export const GRPC = { 'content-type': 'application/grpc', te: 'trailers' };

export function grpcPath(method: string): string {
  return `/inference.GRPCInferenceService/${method}`;
}

/** A gRPC body of these messages. */
export function grpcBody(...messages: readonly Fields[]): Buffer {
  const frames = messages.map((fields) => {
    const writer = new BinaryWriter();
    for (const [number, text] of fields) {
      writer.tag(number, WireType.LengthDelimited).string(text);
    }
    return grpcFrame(writer.finish());
  });
  return Buffer.concat(frames);
}

/** The fields of each message of a body, as a protobuf library reads them. */
export function readGrpc(body: Uint8Array): [number: number, text: string][][] {
  return messagesOf(body).map((message) => {
    const fields = fieldsOf(message);
    return fields.map((field) => [field.number, textOf([field], field.number)]);
  });
}

const BOUNDARY = 'a-boundary-of-a-usual-length';

export const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

/** A form of fields, and of a file for each value that is bytes. */
export function formBody(...fields: readonly (readonly [name: string, string | Uint8Array])[]) {
  const parts = fields.map(([name, value]) => {
    const file = typeof value === 'string' ? '' : '; filename="a.wav"';
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return Buffer.concat([
      Buffer.from(head),
      Buffer.from(value as Uint8Array),
      Buffer.from('\r\n'),
    ]);
  });
  return Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}
