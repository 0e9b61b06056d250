/**
 * What a request remembers. Every filter and every attempt of the request sees its properties; peers and
 * clients do not. Headers are no such place: the attempts of a request share one header map, so that
 * what one attempt changes or removes, the next one finds changed or removed.
 */
import { proxy_get_property, proxy_set_property } from '../abi/imports.ts';
import { clearOut, outData, outSize, takeText } from '../abi/memory.ts';

/** A property's name. Make them once, at the top of a module. */
export class Property {
  private name: ArrayBuffer;

  constructor(name: string) {
    this.name = String.UTF8.encode(name);
  }

  /** Its value for the current stream's request, or an empty string. */
  get(): string {
    const name = this.name;
    clearOut();
    const result = proxy_get_property(changetype<usize>(name), name.byteLength, outData, outSize);
    return result == 0 ? takeText() : '';
  }

  /** Whether the host took the value. */
  set(value: string): bool {
    const name = this.name;
    const text = String.UTF8.encode(value);
    const data = changetype<usize>(text);
    return proxy_set_property(changetype<usize>(name), name.byteLength, data, text.byteLength) == 0;
  }

  /** As `set`, for a value that was encoded before. */
  setBytes(value: Uint8Array): bool {
    const name = this.name;
    const data = changetype<usize>(name);
    return proxy_set_property(data, name.byteLength, value.dataStart, value.byteLength) == 0;
  }
}
