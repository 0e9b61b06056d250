/** A temporary folder, and the events of a source that follows it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FolderOptions } from '../../../control-plane/store/folder-options.ts';
import { FolderSource } from '../../../control-plane/store/folder-source.ts';
import type { SourceEvent } from '../../../control-plane/store/object.ts';

export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-store-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** YAML of a minimal object; what it says is of no concern to the store. */
export function yaml(name: string, value = 1): string {
  return `kind: Thing\nmetadata:\n  name: ${name}\nvalue: ${value}\n`;
}

export function namesOf({ objects }: SourceEvent): string[] {
  return objects.map(({ name }) => name);
}

export function valuesOf({ objects }: SourceEvent): Record<string, unknown> {
  return Object.fromEntries(
    objects.map(({ name, raw }) => [name, (raw as { value?: unknown }).value]),
  );
}

export class Followed {
  readonly events: SourceEvent[] = [];
  private waiting: (() => void) | null = null;
  private readonly source: FolderSource;

  constructor(context: TestContext, options: FolderOptions) {
    // Only the watch may wake it: a test that passes thanks to the slow rescan proves nothing.
    this.source = new FolderSource({ rescanMs: 3600000, ...options }, (event) => {
      this.events.push(event);
      this.waiting?.();
    });
    context.after(() => this.source.close());
  }

  async start(): Promise<SourceEvent> {
    await this.source.start();
    return this.last();
  }

  last(): SourceEvent {
    const event = this.events.at(-1);
    if (event === undefined) throw new Error('the source has said nothing yet');
    return event;
  }

  /** The first event, of those that there were and those to come, that is as wanted. */
  async until(wanted: (event: SourceEvent) => boolean): Promise<SourceEvent> {
    for (let seen = 0; ; seen++) {
      while (seen >= this.events.length) {
        await new Promise<void>((resolve) => {
          this.waiting = resolve;
        });
      }
      const event = this.events[seen];
      if (event !== undefined && wanted(event)) return event;
    }
  }
}
