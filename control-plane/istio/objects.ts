/** Istio's objects as plain JSON: named, labelled as ours, and with a hash of what they say. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import type { IstioOptions } from './options.ts';

export interface IstioObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: JsonObject;
}

/** Something of a route that this mesh does not do. Other routes are unhurt. */
export interface IstioProblem {
  /** `namespace/name` of the ModelRoute. */
  readonly route: string;
  /** PascalCase. */
  readonly reason: string;
  /** Names the field, and the fix where there is one. */
  readonly message: string;
}

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGER = 'modelweir';
/** Istio's: which of several control planes reads the object. */
export const REVISION_LABEL = 'istio.io/rev';
/** Of the spec: equal hashes are equal objects. */
export const HASH_ANNOTATION = 'modelweir.dev/content-hash';

const API_VERSIONS = {
  EnvoyFilter: 'networking.istio.io/v1alpha3',
  VirtualService: 'networking.istio.io/v1',
  DestinationRule: 'networking.istio.io/v1',
  ServiceEntry: 'networking.istio.io/v1',
  HTTPRoute: 'gateway.networking.k8s.io/v1',
  ReferenceGrant: 'gateway.networking.k8s.io/v1beta1',
} as const;

export type IstioKind = keyof typeof API_VERSIONS;

/** In the order in which they are best made: what is referred to before what refers to it. */
export const KINDS: readonly IstioKind[] = [
  'ServiceEntry',
  'DestinationRule',
  'ReferenceGrant',
  'VirtualService',
  'HTTPRoute',
  'EnvoyFilter',
];

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

export function istioObject(
  kind: IstioKind,
  { namespace, name }: Place,
  spec: JsonObject,
  { revision }: Pick<IstioOptions, 'revision'>,
): IstioObject {
  const labels = {
    [MANAGED_BY_LABEL]: MANAGER,
    ...(revision === null ? {} : { [REVISION_LABEL]: revision }),
  };
  const annotations = { [HASH_ANNOTATION]: hashOf(JSON.stringify(spec)) };
  const metadata = { name, namespace, labels, annotations };
  return { apiVersion: API_VERSIONS[kind], kind, metadata, spec };
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export function byOrder(a: IstioObject, b: IstioObject): number {
  return (
    KINDS.indexOf(a.kind as IstioKind) - KINDS.indexOf(b.kind as IstioKind) ||
    compare(a.metadata.namespace, b.metadata.namespace) ||
    compare(a.metadata.name, b.metadata.name)
  );
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const MAX_NAME_LENGTH = 63;

/** A name for an object, or within one, made of other names: no two are alike. */
export function nameFrom(prefix: string, ...parts: readonly string[]): string {
  const plain = [prefix, ...parts].filter((part) => part !== '').join('-');
  const name = plain.replaceAll(/[^a-z0-9-]/g, '-');
  if (name === plain && name.length <= MAX_NAME_LENGTH) return name;
  const hash = hashOf(plain).slice(0, 8);
  return `${name.slice(0, MAX_NAME_LENGTH - hash.length - 1).replace(/-+$/, '')}-${hash}`;
}
