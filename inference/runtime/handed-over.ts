import type { Tensor } from '../protocol/tensor.ts';

/**
 * The buffers that a message with these tensors hands over to another thread: whole ones; a view into a
 * larger one is copied. The sender's tensors are empty afterwards.
 */
export function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) {
    if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) continue;
    if (data.byteLength === data.buffer.byteLength) buffers.add(data.buffer);
  }
  return [...buffers];
}
