/** The smallest mesh that has one of everything. */
import type { Claim, Mesh } from '../../../control-plane/ir/mesh.ts';
import type { TranslateOptions } from '../../../control-plane/xds/translate.ts';
import { DEFAULT_LIMITS } from '../../../control-plane/xds/translate.ts';

const module = (name: string) => ({ path: `/filters/${name}.wasm`, sha256: '0'.repeat(64) });

export const OPTIONS: TranslateOptions = {
  modules: { chain: module('chain'), batcher: module('batcher') },
  limits: DEFAULT_LIMITS,
  modelHeader: null,
  accessLog: null,
};

/** A name at every host, on no condition but those in `change`. */
export function claim(model: string, change: Partial<Claim> = {}): Claim {
  return {
    hostname: '*',
    model,
    prefix: false,
    version: null,
    protocol: null,
    headers: [],
    ...change,
  };
}

export const MESH: Mesh = {
  listeners: [{ name: 'default', address: '127.0.0.1', port: 8080 }],
  routes: [
    {
      name: 'default/r',
      claims: [claim('m')],
      modelScan: 'strict',
      variants: [{ name: 'only', target: 'default/a', weight: 1 }],
      stickyHeader: null,
      stickyField: null,
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
