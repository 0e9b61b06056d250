import { invalid } from '../../protocol/errors.ts';
import type { GrpcCall } from './grpc-call.ts';

/** A method that answers from what is known, or that is waited for. What it throws becomes the status. */
export type UnaryMethod<Request = never> = (request: Request) => object | Promise<object>;

/** How the messages of a method are read and written. */
export interface MessageTypes {
  requestDeserialize(bytes: Buffer): unknown;
  responseSerialize(message: object): Uint8Array;
}

export function answerUnary(
  method: UnaryMethod,
  types: MessageTypes,
  bytes: Buffer,
  call: GrpcCall,
): void {
  let request: never;
  try {
    request = types.requestDeserialize(bytes) as never;
  } catch (error) {
    call.fail(invalid(`the message cannot be read: ${(error as Error).message}`));
    return;
  }
  // Called in this turn of the event loop, so that what is asked is what was so when it came.
  new Promise<object>((resolve) => resolve(method(request)))
    .then((response) => call.answer(types.responseSerialize(response)))
    .catch((error) => call.fail(error));
}
