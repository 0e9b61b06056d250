/**
 * A configuration of the splitter has a line for each route. Of a thousand routes an update changes one: the
 * lines of the others are compared, and not read again.
 */
import { Problems } from './fields.ts';
import { JsonReader } from './json-reader.ts';
import { MAX_ROUTES } from './limits.ts';
import { decodeSplitterRoute, SplitterRoute } from './splitter-config.ts';

/** No string of the configuration has a line break, or a quote that is not escaped. */
const OPENING: string = '"routes":[\n';
const CLOSING: string = '\n]';
const BETWEEN: string = ',\n';

/** Where the lines stand in a text. */
export class RouteLines {
  readonly text: string;
  /** First unit of the line at hand. */
  at: i32;
  /** Behind the last line. */
  readonly to: i32;
  /** Number of the line at hand. */
  index: i32 = 0;
  /** A line is not as this file wants it. */
  broken: boolean = false;

  constructor(text: string, from: i32, to: i32) {
    this.text = text;
    this.at = from;
    this.to = to;
  }

  get isOver(): boolean {
    return this.at >= this.to || this.broken;
  }

  /** The configuration without routes. */
  settings(): string {
    return this.text.substring(0, this.at) + this.text.substring(this.to);
  }

  /** Whether `line` stands here; then the next one is at hand. */
  take(line: string): boolean {
    const end = this.at + line.length;
    if (end > this.to || line.length == 0 || !this.text.startsWith(line, this.at)) return false;
    if (end < this.to && !this.text.startsWith(BETWEEN, end)) return false;
    this.pass(end);
    return true;
  }

  /** The line at hand; then the next one is. */
  next(): string {
    const between = this.text.indexOf(BETWEEN, this.at);
    const end = between < 0 || between > this.to ? this.to : between;
    const line = this.text.substring(this.at, end);
    this.pass(end);
    return line;
  }

  private pass(end: i32): void {
    this.at = end < this.to ? end + BETWEEN.length : this.to;
    this.index++;
    if (this.index > MAX_ROUTES) this.broken = true;
  }
}

/** Null where the text has no such lines: it has to be read as a whole. */
export function findRouteLines(text: string): RouteLines | null {
  const opening = text.indexOf(OPENING);
  if (opening < 0) return null;
  const from = opening + OPENING.length;
  const to = text.lastIndexOf(CLOSING);
  return to < from ? null : new RouteLines(text, from, to);
}

/** The route of a line, or null with the reason in `problems`. */
export function decodeRouteLine(
  line: string,
  index: i32,
  problems: Problems,
): SplitterRoute | null {
  const reader = new JsonReader(line);
  const value = reader.read();
  if (value !== null) return decodeSplitterRoute(value, index, problems);
  problems.add('routes[' + index.toString() + ']', reader.problem);
  return null;
}
