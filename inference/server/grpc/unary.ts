import type { handleUnaryCall } from '@grpc/grpc-js';
import { statusOf } from './statuses.ts';

/** A method that answers from what is known, or that is waited for. What it throws becomes the status. */
export function unary<Request>(
  answer: (request: Request) => object | Promise<object>,
): handleUnaryCall<Request, object> {
  return (call, callback) => {
    // Called in this turn of the event loop, so that what is asked is what was so when it came.
    new Promise<object>((resolve) => resolve(answer(call.request))).then(
      (response) => callback(null, response),
      (error) => callback(statusOf(error)),
    );
  };
}
