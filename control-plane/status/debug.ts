/**
 * Pages for who looks for a fault: what each stage has made of the resources, and what a proxy has of
 * it. A page is a part of a list; it must not grow with the mesh, nor say what a source keeps secret.
 */
import type { Mesh } from '../ir/mesh.ts';
import type { SourceEvent } from '../store/object.ts';
import { resourceJson } from '../xds/json.ts';
import type { Resource, Snapshot } from '../xds/snapshot.ts';
import { type Answer, jsonAnswer } from './read-only-server.ts';
import type { ReportedProxy } from './report.ts';
import { shownObject } from './shown-object.ts';

export interface DebugSource {
  /** What the source said last; null: nothing yet. */
  event(): SourceEvent | null;
  mesh(): Mesh;
  proxies(): readonly ReportedProxy[];
  /** What is published to proxies like this one; null: nothing. */
  snapshotOf(proxy: ReportedProxy): Snapshot | null;
}

const PAGE_ITEMS = 100;
/** Of the text of one resource: longer ones are cut. */
const MAX_RESOURCE_BYTES = 1024 * 1024;

const PAGES = {
  '/debug/store': 'objects as the source gave them; ?kind=, ?namespace=, ?name=, ?offset=',
  '/debug/ir': 'routes and targets as they count; ?name=, ?offset=',
  '/debug/proxies': 'who is connected, with what was acknowledged and refused; ?offset=',
  '/debug/proxy':
    '?id= of a node: what is published to it; ?type=Cluster and ?name= for one resource',
};

/** Null: there is no such page. */
export function debugAnswer(source: DebugSource, url: URL): Answer | null {
  const query = url.searchParams;
  switch (url.pathname) {
    case '/debug':
    case '/debug/':
      return jsonAnswer(200, PAGES);
    case '/debug/store':
      return jsonAnswer(200, store(source, query));
    case '/debug/ir':
      return jsonAnswer(200, meshPage(source.mesh(), query));
    case '/debug/proxies':
      return jsonAnswer(200, page(source.proxies(), query));
    case '/debug/proxy':
      return proxyAnswer(source, query);
    default:
      return null;
  }
}

function store(source: DebugSource, query: URLSearchParams) {
  const event = source.event();
  const objects = (event?.objects ?? []).filter((object) =>
    (['kind', 'namespace', 'name'] as const).every((key) => isAsked(query, key, object[key])),
  );
  const { items, ...rest } = page(objects, query);
  const problems = (event?.problems ?? []).slice(0, PAGE_ITEMS);
  return { ...rest, items: items.map(shownObject), problems };
}

function meshPage(mesh: Mesh, query: URLSearchParams) {
  const named = (item: { readonly name: string }) => isAsked(query, 'name', item.name);
  return {
    listeners: mesh.listeners,
    routes: page(mesh.routes.filter(named), query),
    targets: page(mesh.targets.filter(named), query),
  };
}

/** One entry for each stream of the node. */
function proxyAnswer(source: DebugSource, query: URLSearchParams): Answer {
  const id = query.get('id');
  const found = source.proxies().filter(({ nodeId }) => nodeId === id);
  const [first] = found;
  if (first === undefined) {
    return jsonAnswer(404, { error: `no proxy ${id ?? ''} is connected: see /debug/proxies` });
  }
  const snapshot = source.snapshotOf(first);
  const resources = [...(snapshot?.resources ?? [])].flatMap(([typeUrl, ofType]) =>
    [...ofType.values()]
      .filter(
        ({ name }) => isAsked(query, 'type', shortType(typeUrl)) && isAsked(query, 'name', name),
      )
      .map((resource) => ({ typeUrl, resource })),
  );
  const { items, ...rest } = page(resources, query);
  const versions = Object.fromEntries(snapshot?.versions ?? []);
  const isOne = query.has('name') && query.has('type') && items.length === 1;
  const shown = items.map(({ typeUrl, resource }) => ({
    type: shortType(typeUrl),
    name: resource.name,
    version: resource.version,
    bytes: resource.bytes.length,
    ...(isOne ? { resource: contentOf(typeUrl, resource) } : {}),
  }));
  return jsonAnswer(200, {
    proxies: found.slice(0, PAGE_ITEMS),
    published: { versions, ...rest, items: shown },
  });
}

function contentOf(typeUrl: string, { bytes }: Resource): unknown {
  if (bytes.length > MAX_RESOURCE_BYTES) return `too long to show: ${bytes.length} bytes`;
  return resourceJson(typeUrl, bytes);
}

function page<T>(all: readonly T[], query: URLSearchParams) {
  const asked = Number(query.get('offset') ?? 0);
  const offset = Number.isSafeInteger(asked) && asked > 0 ? asked : 0;
  const items = all.slice(offset, offset + PAGE_ITEMS);
  const next = offset + items.length;
  return { total: all.length, offset, nextOffset: next < all.length ? next : null, items };
}

function isAsked(query: URLSearchParams, key: string, value: string): boolean {
  return !query.has(key) || query.get(key) === value;
}

function shortType(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
