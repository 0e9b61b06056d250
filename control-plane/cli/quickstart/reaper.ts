/**
 * Cleans up after this process however it ends, SIGKILL included: a shell that reads from a pipe which
 * only this process holds open. When the pipe closes, it kills the process groups that are still
 * registered and removes the folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

const SCRIPT = `
trap '' INT TERM HUP
groups=''
while read -r verb group; do
  others=''
  for other in $groups; do [ "$other" = "$group" ] || others="$others $other"; done
  groups=$others
  [ "$verb" = add ] && groups="$groups $group"
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$1"
`;

export class Reaper {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<void>;

  /** @param folder removed when this process ends. */
  constructor(folder: string) {
    // A session of its own: Ctrl-C in the terminal must not end it.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'modelweir-reaper', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    });
    this.#ended = new Promise((resolve) => this.#shell.on('close', () => resolve()));
    this.#shell.on('error', () => {});
    this.#shell.stdin?.on('error', () => {});
    // It must not keep this process running.
    this.#shell.unref();
    (this.#shell.stdin as Socket | null)?.unref();
  }

  add(group: number): void {
    this.#shell.stdin?.write(`add ${group}\n`);
  }

  remove(group: number): void {
    this.#shell.stdin?.write(`remove ${group}\n`);
  }

  /** Lets it do its work now; settles when it has gone. */
  async finish(): Promise<void> {
    this.#shell.ref();
    this.#shell.stdin?.end();
    await this.#ended;
  }
}
