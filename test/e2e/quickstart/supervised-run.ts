/**
 * A program for supervisor.test.ts: starts a child that starts one itself, says on stdout what there is
 * (one line of JSON), and stays until it is killed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';

const supervisor = new Supervisor();
writeFileSync(join(supervisor.folder, 'file'), 'left behind?');
const child = supervisor.start({
  name: 'family',
  command: '/bin/sh',
  args: ['-c', 'trap "" TERM; sleep 1000 & echo "$!"; wait; wait'],
});
const grandchild = await child.waitForLine(Number, 10_000);
console.log(JSON.stringify({ pids: [child.pid, grandchild], folder: supervisor.folder }));
setInterval(() => {}, 1000);
