/** How far a command is: a bar on a terminal, now and then a line elsewhere. It goes to stderr. */
import { Presets, SingleBar } from 'cli-progress';

const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 10_000;

export interface Progress {
  /** `done` of the total that it was made with; `rows` so far. Cheap enough for every row. */
  update(done: number, rows: number): void;
  /** Takes the bar away; nothing of it is left. */
  stop(): void;
}

/** `what` names the work, `total` is in any unit. */
export function showProgress(what: string, total: number): Progress {
  return process.stderr.isTTY ? bar(what, total) : lines(what, total);
}

function bar(what: string, total: number): Progress {
  const format = `${what} [{bar}] {percentage} % | {rows} rows | {rate} rows/s | {left} left`;
  const options = { format, clearOnComplete: true, hideCursor: true };
  const shown = new SingleBar(options, Presets.legacy);
  shown.start(Math.max(total, 1), 0, { rows: 0, rate: 0, left: '-' });
  const update = measured(total, BAR_INTERVAL_MS, (done, payload) => shown.update(done, payload));
  return { update, stop: () => shown.stop() };
}

function lines(what: string, total: number): Progress {
  const update = measured(total, LINE_INTERVAL_MS, (done, { rows, rate, left }) => {
    const percent = Math.floor((100 * done) / Math.max(total, 1));
    console.error(`${what}: ${percent} %, ${rows} rows, ${rate} rows/s, ${left} left`);
  });
  return { update, stop: () => undefined };
}

interface Measures {
  readonly rows: number;
  /** Rows per second since the start; rows of an earlier run do not count. */
  readonly rate: number;
  /** Time, as the speed until now has it. */
  readonly left: string;
}

function measured(
  total: number,
  intervalMs: number,
  show: (done: number, measures: Measures) => void,
): Progress['update'] {
  const startMs = performance.now();
  let lastMs = startMs;
  let first: { done: number; rows: number } | undefined;
  return (done, rows) => {
    first ??= { done, rows };
    const nowMs = performance.now();
    if (nowMs - lastMs < intervalMs) return;
    lastMs = nowMs;
    const seconds = (nowMs - startMs) / 1000;
    const perSecond = (done - first.done) / seconds;
    const rate = Math.round((rows - first.rows) / seconds);
    show(done, { rows, rate, left: perSecond > 0 ? timeText((total - done) / perSecond) : '-' });
  };
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
