/**
 * Messages that were made before, by what they were made of: an edit changes one target of thousands, and to
 * make and to encode all of them again would be most of the work. Whoever gets one must not change it.
 */

/** The one that was used longest ago is forgotten first. */
const MAX_MESSAGES = 16_384;

export class Remembered<Message extends object> {
  readonly #messages = new Map<string, Message>();

  /** `made` may depend on nothing but `of`, plain data. */
  get(of: readonly unknown[], made: () => Message): Message {
    const key = JSON.stringify(of);
    const message = this.#messages.get(key) ?? made();
    this.#messages.delete(key);
    this.#messages.set(key, message);
    if (this.#messages.size > MAX_MESSAGES) {
      const [oldest] = this.#messages.keys();
      if (oldest !== undefined) this.#messages.delete(oldest);
    }
    return message;
  }
}
