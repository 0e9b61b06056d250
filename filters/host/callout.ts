/** HTTP calls that a filter makes itself, on behalf of nobody in particular. */
import { Callout, Root } from '../abi/contexts.ts';
import { registerCallout } from '../abi/dispatcher.ts';
import { proxy_http_call } from '../abi/imports.ts';
import { clearOut, noteGarbage, outData } from '../abi/memory.ts';
import { HeaderList } from './headers.ts';
import { enterRoot, leaveStream } from './stream.ts';

/**
 * Calls a cluster in the name of `root`, so that the call outlives any one stream. `headers` needs
 * `:method`, `:path` and `:authority`. False where the host would not even try: then `callout` is never
 * told anything. `body` counts as garbage from here on.
 */
export function call(
  root: Root,
  cluster: string,
  headers: HeaderList,
  body: Uint8Array,
  timeoutMs: i32,
  callout: Callout,
): bool {
  if (!enterRoot(root)) return false;
  const name = String.UTF8.encode(cluster);
  const pairs = headers.encode();
  clearOut();
  const result = proxy_http_call(
    changetype<usize>(name),
    name.byteLength,
    changetype<usize>(pairs),
    pairs.byteLength,
    body.dataStart,
    body.byteLength,
    0,
    0,
    timeoutMs,
    outData,
  );
  leaveStream();
  noteGarbage(body.byteLength);
  if (result != 0) return false;
  callout.root = root.id;
  registerCallout(<i32>load<u32>(outData), callout);
  return true;
}
