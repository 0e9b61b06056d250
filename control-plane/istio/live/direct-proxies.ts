/**
 * What Istio's sidecars ask of our own ADS in the direct mode: the configurations of the filters that Istio's
 * objects hook in. Owns how often a configuration has been another; must not know who asks.
 */
import { toBinary } from '@bufbuild/protobuf';
import type { Mesh } from '../../ir/mesh.ts';
import { TypedExtensionConfigSchema } from '../../xds/gen/envoy/config/core/v3/extension_pb.js';
import { Revisions } from '../../xds/revisions.ts';
import type { ResourceSet } from '../../xds/translate.ts';
import { directExtensions } from '../direct-extensions.ts';
import { SPLITTER } from '../filters.ts';
import type { IstioOptions } from '../options.ts';

const NOTHING: ResourceSet = {
  ...{ clusters: [], endpoints: [], listeners: [], routes: [], extensions: [], secrets: [] },
};

export class DirectProxies {
  readonly #revisions = new Map<string, Revisions>();

  /** For the proxies of one namespace. */
  resources(namespace: string, mesh: Mesh, options: IstioOptions): ResourceSet {
    const at = (splitterRevision: number) =>
      directExtensions(namespace, mesh, {
        ...options,
        translation: { ...options.translation, splitterRevision },
      });
    const first = at(0);
    const splitter = first.find(({ name }) => name === SPLITTER);
    if (splitter === undefined) return { ...NOTHING, extensions: first };
    const text = Buffer.from(toBinary(TypedExtensionConfigSchema, splitter)).toString('base64');
    const revision = this.#of(namespace).of(text);
    return { ...NOTHING, extensions: revision === 0 ? first : at(revision) };
  }

  /** As many as there are namespaces that want it. */
  #of(namespace: string): Revisions {
    const revisions = this.#revisions.get(namespace) ?? new Revisions();
    this.#revisions.set(namespace, revisions);
    return revisions;
  }
}
