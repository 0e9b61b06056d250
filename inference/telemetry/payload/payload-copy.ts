import type { Tensor, TensorData, TensorMetadata } from '../../protocol/tensor.ts';
import type { PayloadTensor } from './payload-event.ts';
import type { FieldKind, Redaction } from './redaction.ts';

/**
 * Takes what may be logged of one message, as a copy, because tensors go on to a worker or to the client. It reads
 * no more than `maxBytes`; what it leaves out it notes in `omitted`.
 */
export class PayloadCopy {
  readonly omitted: Record<string, string> = {};
  readonly #redaction: Redaction;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(redaction: Redaction, maxBytes: number) {
    this.#redaction = redaction;
    this.#maxBytes = maxBytes;
  }

  /** Of all that was copied. */
  get bytes(): number {
    return this.#bytes;
  }

  tensor(kind: FieldKind, { name, datatype }: TensorMetadata, tensor: Tensor): PayloadTensor {
    const taken = this.#takes(kind, name, () => tensorSize(tensor.data));
    const data = taken ? copyOf(tensor.data) : undefined;
    return { name, datatype, shape: tensor.shape, data };
  }

  /** Scalars by name; undefined when there are none. */
  parameters(
    given: Readonly<Record<string, unknown>> | undefined,
  ): Record<string, unknown> | undefined {
    const names = Object.keys(given ?? {});
    if (names.length === 0) return undefined;
    const taken: Record<string, unknown> = {};
    for (const name of names) {
      const value = given?.[name];
      if (this.#takes('parameters', name, () => name.length + String(value).length)) {
        taken[name] = value;
      }
    }
    return taken;
  }

  #takes(kind: FieldKind, name: string, size: () => number): boolean {
    if (this.#redaction.hides(kind, name)) {
      this.omitted[`${kind}.${name}`] = 'redacted';
      return false;
    }
    const bytes = size();
    if (this.#bytes + bytes > this.#maxBytes) {
      this.omitted[`${kind}.${name}`] = 'too large';
      return false;
    }
    this.#bytes += bytes;
    return true;
  }
}

function tensorSize(data: TensorData): number {
  if (ArrayBuffer.isView(data)) return data.byteLength;
  let characters = 0;
  for (const text of data) characters += text.length;
  return characters;
}

function copyOf(data: TensorData): TensorData {
  return data.slice();
}
