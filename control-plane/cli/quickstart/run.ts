/** One run of the quickstart, from nothing to nothing: whatever happens, all that it started ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure } from '../failure.ts';
import { checkList, checkTraffic } from './checks.ts';
import { describeExit } from './child.ts';
import { readDigits } from './digits.ts';
import type { QuickstartOptions } from './options.ts';
import { commands, places, trafficTable } from './report.ts';
import { startMesh } from './running-mesh.ts';
import { sendSampleTraffic } from './sample-traffic.ts';
import { type ChildFailure, Supervisor } from './supervisor.ts';

const USERS = 40;
/** With 10 % of them on the canary, none of so many is one chance in a thousand million. */
const USERS_OF_A_CHECK = 200;
const LAST_LINES = 20;
/** A child that ends cuts connections first: its end explains the error that is seen before it. */
const EXPLANATION_MS = 200;

/** Settles when the run is over; throws when it did not go well, once all has ended. */
export async function run(options: QuickstartOptions): Promise<void> {
  const supervisor = new Supervisor(options.verbose ? printLine : null);
  const interrupted = new Promise<'interrupted'>((resolve) => {
    // Stays on: a terminal, npm and a wrapper may each pass on the same Ctrl-C.
    for (const signal of SIGNALS) process.on(signal, () => resolve('interrupted'));
    // Nobody reads any more.
    process.stdout.on('error', () => resolve('interrupted'));
  });
  const failed = supervisor.failure.then((failure) => Promise.reject(childFailure(failure)));
  try {
    await Promise.race([interrupted, failed, session(supervisor, options, interrupted)]);
  } catch (error) {
    await Promise.race([failed, sleep(EXPLANATION_MS)]);
    throw error instanceof CommandFailure ? error : unexpected(error, supervisor);
  } finally {
    await supervisor.stop();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function session(
  supervisor: Supervisor,
  options: QuickstartOptions,
  interrupted: Promise<unknown>,
): Promise<void> {
  print('Starting two inference pods, the control plane and Envoy ...');
  const started = performance.now();
  const mesh = await startMesh(supervisor, options, (text) => console.error(`warning: ${text}`));
  print(
    `Ready after ${((performance.now() - started) / 1000).toFixed(1)} s. Sending traffic ...\n`,
  );
  const users = options.check ? USERS_OF_A_CHECK : USERS;
  const sightings = await sendSampleTraffic(mesh.baseUrl, users);
  print(`${trafficTable(sightings)}\n`);
  if (options.check) {
    const checks = checkTraffic(sightings);
    print(checkList(checks));
    const failures = checks.filter(({ problem }) => problem !== null).length;
    if (failures > 0) throw new CommandFailure(`${failures} of ${checks.length} checks failed`, 1);
    return;
  }
  const [digit] = await readDigits(1);
  print(`${places(mesh)}\n\nTry:\n${commands(mesh, digit?.pixels ?? [])}\n\nCtrl-C ends it all.`);
  await interrupted;
}

function childFailure({ child, exit }: ChildFailure): CommandFailure {
  const last = child.log.last(LAST_LINES).map((line) => `    ${line}`);
  const words = last.length === 0 ? 'It said nothing.' : `Its last lines:\n${last.join('\n')}`;
  return new CommandFailure(`${child.name} ${describeExit(exit)}. ${words}`, 1);
}

/** Not one child's end: what all of them said last may explain it. */
function unexpected(error: unknown, supervisor: Supervisor): CommandFailure {
  const reason = error instanceof Error ? error.message : String(error);
  const logs = supervisor.children.flatMap((child) => [
    `  ${child.name}:`,
    ...child.log.last(LAST_LINES).map((line) => `    ${line}`),
  ]);
  return new CommandFailure([`${reason}. The last lines of each process:`, ...logs].join('\n'), 1);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printLine(child: string, line: string): void {
  process.stderr.write(`[${child}] ${line}\n`);
}
