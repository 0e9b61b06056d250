/** A line for each change that is over: what became of it, and where its time went. */
import type { Logger } from 'pino';
import type { ChangeWatch, ChangeWatcher, Step } from './change-watcher.ts';

export class ChangeLog implements ChangeWatcher {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  begin(): ChangeWatch {
    const steps: Partial<Record<Step, number>> = {};
    return {
      step: (step, startMs, endMs) => {
        steps[step] = rounded((steps[step] ?? 0) + endMs - startMs);
      },
      answered: ({ nodeId, refused, startMs, endMs }) => {
        const facts = { node: nodeId, refused, ms: rounded(endMs - startMs) };
        this.#logger.debug(facts, 'proxy answered');
      },
      ended: ({ startMs, endMs, ...facts }) => {
        const level = facts.outcome === 'late' ? 'warn' : 'info';
        this.#logger[level]({ ...facts, ms: rounded(endMs - startMs), steps }, 'change');
      },
    };
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
