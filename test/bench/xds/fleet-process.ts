/** The process of a fleet: does what it is told over IPC, one thing at a time, until its parent is gone. */
import { type Expectation, Fleet, type FleetOptions } from './fleet.ts';

export type Order =
  | { readonly do: 'open'; readonly options: FleetOptions }
  | { readonly do: 'arm' }
  | { readonly do: 'connect'; readonly resume: boolean }
  | { readonly do: 'disconnect' }
  | { readonly do: 'settled'; readonly expectation: Expectation }
  | { readonly do: 'recording' };

export interface Outcome {
  /** Why it could not be done; null: it was. */
  readonly error: string | null;
  readonly result?: unknown;
}

let fleet: Fleet | null = null;

process.on('message', async (order: Order) => {
  let outcome: Outcome;
  try {
    outcome = { error: null, result: await carryOut(order) };
  } catch (error) {
    outcome = { error: (error as Error).message };
  }
  process.send?.(outcome);
});
process.on('disconnect', () => process.exit());

async function carryOut(order: Order): Promise<unknown> {
  if (order.do === 'open') {
    fleet = new Fleet(order.options);
    return;
  }
  if (fleet === null) throw new Error('there is no fleet yet');
  switch (order.do) {
    case 'arm':
      return fleet.arm();
    case 'connect':
      return fleet.connect(order.resume);
    case 'disconnect':
      return fleet.disconnect();
    case 'settled':
      return await fleet.settled(order.expectation);
    case 'recording':
      return fleet.recording();
  }
}
