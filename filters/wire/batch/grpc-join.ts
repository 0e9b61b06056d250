/** Joins gRPC requests into one. The first is the mould; of the others only their tensors' bytes are taken. */
import { BatchRequest } from './batch-request.ts';
import { ByteWriter } from './byte-writer.ts';
import { GrpcFilling } from './grpc-mould.ts';
import { GrpcBatchRequest } from './grpc-request.ts';

class Together extends GrpcFilling {
  private requests: BatchRequest[];
  private allRows: i32 = 0;
  /** Bytes of each slot, all members together. */
  private sizes: i32[] = [];

  constructor(requests: BatchRequest[]) {
    super();
    this.requests = requests;
    for (let i = 0; i < requests.length; i++) this.allRows += requests[i].rows;
    for (let slot = 0; slot < requests[0].slots.length; slot++) {
      let size: i32 = 0;
      for (let i = 0; i < requests.length; i++) size += requests[i].slots[slot].length;
      this.sizes.push(size);
    }
  }

  rows(): i32 {
    return this.allRows;
  }

  id(): Uint8Array {
    const first = this.requests[0];
    return first.bytes.subarray(first.id.start, first.id.end);
  }

  rawLength(slot: i32): i32 {
    return this.sizes[slot];
  }

  writeRaw(slot: i32, writer: ByteWriter): void {
    for (let i = 0; i < this.requests.length; i++) {
      const request = this.requests[i];
      const span = request.slots[slot];
      writer.copy(request.bytes, span.start, span.end);
    }
  }
}

/** The joined message with its frame, of requests with equal signatures; at least one. */
export function joinGrpc(requests: BatchRequest[]): Uint8Array {
  return (requests[0] as GrpcBatchRequest).mould.fill(new Together(requests));
}
