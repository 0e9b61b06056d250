import { proxy_get_shared_data, proxy_set_shared_data } from '../abi/imports.ts';
import { clearOut, noteGarbage, outData, outSize, takeText } from '../abi/memory.ts';

const outCas: usize = memory.data(8);
/** Whatever the version of what is there: the last writer wins. */
const ANY_VERSION: u32 = 0;

/**
 * A text that all virtual machines of one `vm_id` share, in all workers, and that outlives each of them.
 * Make them once, at the top of a module.
 */
export class SharedText {
  private key: ArrayBuffer;

  constructor(key: string) {
    this.key = String.UTF8.encode(key);
  }

  /** Empty where nobody has set it. */
  get(): string {
    const key = this.key;
    clearOut();
    const data = changetype<usize>(key);
    const result = proxy_get_shared_data(data, key.byteLength, outData, outSize, outCas);
    return result == 0 ? takeText() : '';
  }

  set(text: string): void {
    const key = this.key;
    const bytes = String.UTF8.encode(text);
    const data = changetype<usize>(bytes);
    proxy_set_shared_data(
      changetype<usize>(key),
      key.byteLength,
      data,
      bytes.byteLength,
      ANY_VERSION,
    );
    noteGarbage(bytes.byteLength);
  }
}
