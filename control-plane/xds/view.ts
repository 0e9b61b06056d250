/**
 * Parts of the mesh for proxies that do not need all of it. A view is known by its key, so that proxies with
 * the same view share one translation.
 */
import type * as ir from '../ir/mesh.ts';
import { ShardRevisions } from './revisions.ts';

/** Key of the view that is the whole mesh. No namespace has this name. */
export const EVERYTHING = '*';

/** Null: all namespaces. Equal sets have equal keys. */
export function viewKey(namespaces: ReadonlySet<string> | null): string {
  return namespaces === null ? EVERYTHING : [...namespaces].sort().join(',');
}

/** Routes of the view's namespaces, and the targets that these use, wherever they are. */
export function meshIn(mesh: ir.Mesh, key: string): ir.Mesh {
  if (key === EVERYTHING) return mesh;
  const namespaces = new Set(key.split(','));
  const routes = mesh.routes.filter(({ name }) => namespaces.has(namespaceOf(name)));
  const used = new Set(routes.flatMap(({ variants }) => variants.map(({ target }) => target)));
  const targets = mesh.targets.filter(({ name }) => used.has(name));
  const named = new Set(targets.flatMap(({ tls }) => [tls?.authorities, tls?.certificate]));
  const secrets = mesh.secrets.filter(({ name }) => named.has(name));
  return { ...mesh, routes, targets, secrets };
}

function namespaceOf(routeName: string): string {
  return routeName.slice(0, routeName.indexOf('/'));
}

/** Views whose revisions are remembered; the one that was used longest ago is forgotten first. */
const MAX_VIEWS = 2000;

/** Revisions for each view by itself: what changes in one must not change the bytes of another. */
export class ViewRevisions {
  private readonly views = new Map<string, ShardRevisions>();

  of(key: string): ShardRevisions {
    const revisions = this.views.get(key) ?? new ShardRevisions();
    this.views.delete(key);
    this.views.set(key, revisions);
    const [oldest] = this.views.keys();
    if (this.views.size > MAX_VIEWS && oldest !== undefined) this.views.delete(oldest);
    return revisions;
  }
}
