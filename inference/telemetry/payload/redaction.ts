export type FieldKind = 'input' | 'output' | 'parameters';

const FIELD = /^(input|output|parameters)\.(.+)$/s;

/** Which values never get into the payload log: `input.NAME`, `output.NAME`, `parameters.NAME`, or `*` for all names. */
export class Redaction {
  readonly #fields: ReadonlySet<string>;

  /** @throws Error naming the field that is none. */
  constructor(fields: readonly string[]) {
    for (const field of fields) {
      if (FIELD.test(field)) continue;
      throw new Error(
        `${JSON.stringify(field)} must be input.NAME, output.NAME or parameters.NAME, with * for all names`,
      );
    }
    this.#fields = new Set(fields);
  }

  /** Nothing is hidden. */
  get empty(): boolean {
    return this.#fields.size === 0;
  }

  hides(kind: FieldKind, name: string): boolean {
    return this.#fields.has(`${kind}.${name}`) || this.#fields.has(`${kind}.*`);
  }
}
