/** The last lines that a process wrote: bounded, so that a talkative one cannot fill the memory. */

const MAX_LINES = 1000;
const MAX_LINE_CHARACTERS = 16_384;

export class LineLog {
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  get lines(): readonly string[] {
    return this.#lines;
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  /** Calls back for each line from now on, until the returned function is called. */
  follow(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A sink for one stream of text; chunks may end anywhere. Call it with null when the stream ends. */
  sink(): (chunk: string | null) => void {
    let partial = '';
    return (chunk) => {
      const parts = (partial + (chunk ?? '\n')).split('\n');
      partial = (parts.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
      for (const line of parts) if (line !== '') this.#add(line.slice(0, MAX_LINE_CHARACTERS));
    };
  }

  #add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    for (const listener of this.#listeners) listener(line);
  }
}
