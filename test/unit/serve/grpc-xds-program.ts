/**
 * A process of its own, for its bootstrap is in its environment: calls the target that it is told, through
 * gRPC's own xDS client, for as long as its parent says. Tells who answered how often, and every error.
 */
import { Client, credentials } from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';

export interface Tally {
  readonly answers: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
}

const CALL_TIMEOUT_MS = 10_000;
const WHO = '/test.Who/Who';
const same = (bytes: Buffer): Buffer => bytes;

register();
const client = new Client(process.argv[2] ?? '', credentials.createInsecure());
let answers: Record<string, number> = {};
let errors: string[] = [];

function call(): Promise<void> {
  return new Promise((resolve) => {
    const deadline = Date.now() + CALL_TIMEOUT_MS;
    client.makeUnaryRequest(WHO, same, same, Buffer.alloc(0), { deadline }, (error, name) => {
      if (error !== null) errors.push(error.message);
      const answer = String(name ?? '');
      if (error === null) answers[answer] = (answers[answer] ?? 0) + 1;
      resolve();
    });
  });
}

/** Every message is answered with what has happened since the last one. */
process.on('message', () => {
  process.send?.({ answers, errors } satisfies Tally);
  answers = {};
  errors = [];
});
process.on('disconnect', () => process.exit());

for (;;) await call();
