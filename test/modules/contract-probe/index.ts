/** Test only: runs decoders and the splitter's choice inside WebAssembly, driven through the configuration. */
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
import {
  decodeRewriterConfig,
  encodeRewriterConfig,
} from '../../../filters/contract/rewriter-config.ts';
import { decodeRouterConfig, encodeRouterConfig } from '../../../filters/contract/router-config.ts';
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
} from '../../../filters/contract/splitter-config.ts';
import { logWarn } from '../../../filters/host/log.ts';
import { Root, register, Stream } from '../../../filters/host/stream.ts';
import { answerTo } from './choice.ts';

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_vm_start,
};

/** Decodes and encodes again; empty where it is refused. */
function roundTrip(kind: string, text: string, problems: Problems): string {
  if (kind == 'router') {
    const config = decodeRouterConfig(text, problems);
    return config === null ? '' : encodeRouterConfig(config);
  }
  if (kind == 'splitter') {
    const config = decodeSplitterConfig(text, problems);
    return config === null ? '' : encodeSplitterConfig(config);
  }
  if (kind == 'rewriter') {
    const config = decodeRewriterConfig(text, problems);
    return config === null ? '' : encodeRewriterConfig(config);
  }
  const config = decodeBatcherConfig(text, problems);
  return config === null ? '' : encodeBatcherConfig(config);
}

class ProbeRoot extends Root {
  /** Takes `kind\ntext` and logs the answer. */
  configure(text: string): string {
    const at = text.indexOf('\n');
    const kind = text.substring(0, at);
    const rest = text.substring(at + 1);
    const problems = new Problems();
    const answer = answerTo(kind, rest, problems);
    const line = answer.length > 0 ? answer : roundTrip(kind, rest, problems);
    if (problems.list.length > 0) return problems.text();
    logWarn(line);
    return '';
  }

  createStream(): Stream {
    return new ProbeStream();
  }
}

class ProbeStream extends Stream {}

register(() => new ProbeRoot());
