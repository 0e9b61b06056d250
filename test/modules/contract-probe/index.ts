/** Test only: runs the contract's decoders inside WebAssembly, driven through the configuration. */
import {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_vm_start,
} from '../../../filters/abi/exports.ts';
import {
  decodeBatcherConfig,
  encodeBatcherConfig,
} from '../../../filters/contract/batcher-config.ts';
import { Problems } from '../../../filters/contract/fields.ts';
import { decodeRouterConfig, encodeRouterConfig } from '../../../filters/contract/router-config.ts';
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
} from '../../../filters/contract/splitter-config.ts';
import { logWarn } from '../../../filters/host/log.ts';
import { Root, register, Stream } from '../../../filters/host/stream.ts';

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_vm_start,
};

/** Decodes `kind\ntext` and encodes it again; the problems' text where it is refused. */
function roundTrip(kind: string, text: string, problems: Problems): string {
  if (kind == 'router') {
    const config = decodeRouterConfig(text, problems);
    return config === null ? '' : encodeRouterConfig(config);
  }
  if (kind == 'splitter') {
    const config = decodeSplitterConfig(text, problems);
    return config === null ? '' : encodeSplitterConfig(config);
  }
  const config = decodeBatcherConfig(text, problems);
  return config === null ? '' : encodeBatcherConfig(config);
}

class ProbeRoot extends Root {
  configure(text: string): string {
    const at = text.indexOf('\n');
    const problems = new Problems();
    const again = roundTrip(text.substring(0, at), text.substring(at + 1), problems);
    if (problems.list.length > 0) return problems.text();
    logWarn(again);
    return '';
  }

  createStream(): Stream {
    return new ProbeStream();
  }
}

class ProbeStream extends Stream {}

register(() => new ProbeRoot());
