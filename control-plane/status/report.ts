/** What the status endpoint says: one plain JSON object, put together when it is asked for. */
import { NOT_IMPLEMENTED } from '../api/kinds.ts';
import type { Mesh } from '../ir/mesh.ts';
import type { Condition, ObjectRef, Status } from '../ir/status.ts';
import type { IstioReport } from '../istio/live/report.ts';
import type { LocatedProblem, PipelineResult } from '../pipeline.ts';
import { namespaceOfSidecars } from '../serve/sidecar-view.ts';
import { meshIn } from '../xds/view.ts';
import { NEEDS_OF_SIDECARS, needsIn } from './needs.ts';
import { notImplemented, type ProxyView, programmed, together, worse } from './programmed.ts';

/** A connected proxy, with all that its stream knows of it. */
export interface ReportedProxy extends ProxyView {
  readonly cluster: string;
  readonly userAgent: string;
  readonly connectedAt: string;
  readonly mode: string;
  /** Of the mesh: proxies with the same view get the same. */
  readonly view: string;
  /** Bytes that wait for it to read. */
  readonly unsentBytes: number;
  readonly inSync: boolean;
  readonly types: readonly ReportedType[];
}

export interface ReportedType {
  readonly typeUrl: string;
  readonly subscribed: number;
  readonly sentVersion: string | null;
  readonly ackedVersion: string | null;
  readonly inSync: boolean;
  readonly nacks: readonly {
    readonly message: string;
    readonly version: string;
    readonly resources: readonly string[];
    readonly at: string;
  }[];
}

export interface ReportedObject extends ObjectRef {
  readonly file: string;
  readonly line: number;
  readonly observedGeneration: number;
  readonly conditions: Status['conditions'];
}

export interface Published {
  /** Type URL to version of what is sent. */
  readonly versions: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly at: string;
}

export interface Report {
  readonly version: string;
  /** Null: nothing yet. */
  readonly published: Published | null;
  /** Why the newest state is not published; null: it is. */
  readonly unpublished: string | null;
  readonly proxies: readonly ReportedProxy[];
  readonly objects: readonly ReportedObject[];
  readonly problems: readonly LocatedProblem[];
  /** Not given: Istio is left alone. */
  readonly istio?: IstioReport;
}

/** A mesh of others that is told what must be done, and what it says of that. */
export interface FollowerView {
  /**
   * As they are now, for any object; empty: nothing. Its `Programmed` is about the other mesh's proxies. To look at
   * all that was written takes its time: ask once for all objects.
   */
  conditions(): (object: ObjectRef) => readonly Condition[];
  report(): IstioReport;
}

export interface ReportInput {
  readonly version: string;
  readonly published: Published | null;
  readonly unpublished: string | null;
  readonly proxies: readonly ReportedProxy[];
  readonly result: PipelineResult;
  readonly follower?: FollowerView | null;
}

/** Answers which proxies have an object in their view of the mesh. */
function proxiesNeeding(mesh: Mesh, proxies: readonly ReportedProxy[]) {
  const views = new Map(
    [...new Set(proxies.map(({ view }) => view))].map((view) => [
      view,
      needsIn(meshIn(mesh, view)),
    ]),
  );
  return (object: ObjectRef) =>
    proxies.filter(({ view }) => (views.get(view)?.(object) ?? null) !== null);
}

export function report({ result, follower = null, ...rest }: ReportInput): Report {
  const needsOf = needsIn(result.mesh);
  const sidecars = rest.proxies.filter(({ view }) => namespaceOfSidecars(view) !== null);
  // They all have all routes, under the names that their namespace has for hosts.
  const ofSidecars = programmed(NEEDS_OF_SIDECARS, sidecars, rest.unpublished);
  const needing = proxiesNeeding(
    result.mesh,
    rest.proxies.filter((proxy) => !sidecars.includes(proxy)),
  );
  const ofFollower = follower?.conditions();
  const objects = result.statuses.map(({ object, conditions, ...status }) => {
    if (NOT_IMPLEMENTED.has(object.kind)) {
      const carried = notImplemented(object.kind);
      return { ...object, ...status, conditions: [...conditions, carried] };
    }
    const proxies = needing(object);
    const needs = needsOf(object);
    const own = programmed(needs, proxies, rest.unpublished);
    const hasSidecars = needs !== null && sidecars.length > 0;
    const ofOurs = proxies.length === 0 ? ofSidecars : worse(own, ofSidecars);
    const ours = hasSidecars ? ofOurs : own;
    const hasProxies = proxies.length > 0 || hasSidecars;
    const others = ofFollower?.(object) ?? [];
    const theirs = others.find(({ type }) => type === 'Programmed');
    const carried = theirs === undefined ? ours : together(ours, hasProxies, theirs);
    const more = others.filter(({ type }) => type !== 'Programmed');
    return { ...object, ...status, conditions: [...conditions, ...more, carried] };
  });
  const istio = follower === null ? {} : { istio: follower.report() };
  return { ...rest, objects, problems: result.problems, ...istio };
}
