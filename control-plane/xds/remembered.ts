/**
 * Messages that were made before, by their names: an edit changes one target of thousands, and to make and to
 * encode all of them again would be most of the work. Of each name only the last is kept, since addresses change
 * all day and such a message may be large. Whoever gets one must not change it.
 */

/** The one that was used longest ago is forgotten first. */
const MAX_NAMES = 16_384;

interface Made<Message> {
  readonly text: string;
  readonly message: Message;
}

export class Remembered<Message extends object> {
  readonly #last = new Map<string, Made<Message>>();

  /** `made` may depend on nothing but `of`, plain data. */
  get(name: string, of: readonly unknown[], made: () => Message): Message {
    const text = JSON.stringify(of);
    const last = this.#last.get(name);
    const item = last?.text === text ? last : { text, message: made() };
    this.#last.delete(name);
    this.#last.set(name, item);
    if (this.#last.size > MAX_NAMES) {
      const [oldest] = this.#last.keys();
      if (oldest !== undefined) this.#last.delete(oldest);
    }
    return item.message;
  }
}
