/** The smallest mesh that has one of everything. */
import type { Mesh } from '../../../control-plane/ir/mesh.ts';
import type { TranslateOptions } from '../../../control-plane/xds/translate.ts';
import { DEFAULT_LIMITS } from '../../../control-plane/xds/translate.ts';

const module = (name: string) => ({ path: `/filters/${name}.wasm`, sha256: '0'.repeat(64) });

export const OPTIONS: TranslateOptions = {
  modules: {
    router: module('router'),
    splitter: module('splitter'),
    batcher: module('batcher'),
    rewriter: module('rewriter'),
  },
  limits: DEFAULT_LIMITS,
  accessLog: null,
};

export const MESH: Mesh = {
  listeners: [{ name: 'default', address: '127.0.0.1', port: 8080 }],
  routes: [
    {
      name: 'default/r',
      claims: [{ hostname: '*', model: 'm' }],
      modelScan: 'strict',
      variants: [{ name: 'only', target: 'default/a', weight: 1 }],
      stickyHeader: null,
      variantHeader: true,
      timeoutMs: 15_000,
      batching: null,
    },
  ],
  targets: [
    {
      name: 'default/a',
      protocol: 'OpenInference',
      endpoints: [{ address: '127.0.0.1', port: 9000 }],
      servedModel: null,
      servedVersion: null,
      connectTimeoutMs: 1000,
      maxConnections: 1024,
      maxRequests: 1024,
    },
  ],
};
