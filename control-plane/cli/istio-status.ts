/** What `modelweir status` says of Istio: what was written, and its proxies as istiod sees them. */
import type { IstioReport } from '../istio/live/report.ts';
import { textTable } from './quickstart/text-table.ts';

export function istioTables(report: IstioReport): string[] {
  const { mode, revision, leading, namespaces, objects, done, owned } = report;
  const of = revision === null ? '' : `, revision ${revision}`;
  if (!leading) return [`Istio (${mode}${of}): another replica leads; ask it.`];
  const state = done ? 'all written' : 'not all written yet';
  const head = `Istio (${mode}${of}): ${objects.length} objects, ${state}; ${owned} of ours in the cluster`;
  return [
    head,
    ...(namespaces.length === 0 ? [] : [namespaceTable(report)]),
    ...problemLines(report),
    ...proxyTable(report),
  ];
}

function namespaceTable({ namespaces, proxies }: IstioReport): string {
  const rows = namespaces.map(({ name, dataPlane, revision, waypoint }) => {
    const count = proxies.filter(({ namespace }) => namespace === name).length;
    return [name, dataPlane, revision ?? '-', waypoint ?? '-', String(count)];
  });
  return textTable([['NAMESPACE', 'DATA PLANE', 'REVISION', 'WAYPOINT', 'PROXIES'], ...rows]);
}

function problemLines({ failures, problems, hindrances }: IstioReport): string[] {
  const lines = [
    ...failures.map((failure) => `  ${failure}`),
    ...problems.map(({ route, reason, message }) => {
      return `  ${route === null ? '' : `ModelRoute ${route}: `}${reason}: ${message}`;
    }),
    ...hindrances.map(({ kind, namespace, name, reason, message }) => {
      return `  ${kind} ${namespace}/${name}: ${reason}: ${message}`;
    }),
  ];
  return lines.length === 0 ? [] : [['In the way', ...lines].join('\n')];
}

function proxyTable({ syncProblem, proxies }: IstioReport): string[] {
  if (syncProblem !== null) return [`What its proxies have is not known: ${syncProblem.message}`];
  if (proxies.length === 0) return [];
  const rows = proxies.map(({ id, version, state, types }) => {
    const missing = types.filter(({ inSync }) => !inSync).map(({ type }) => type);
    return [id, version, state, missing.length === 0 ? '-' : missing.join(', ')];
  });
  const errors = proxies.flatMap(({ id, types }) =>
    types.flatMap(({ type, error }) => (error === null ? [] : [`  ${id}: ${type}: ${error}`])),
  );
  return [
    textTable([['PROXY OF ISTIOD', 'VERSION', 'STATE', 'WAITS FOR'], ...rows]),
    ...(errors.length === 0 ? [] : [['Refused, by istiod', ...errors].join('\n')]),
  ];
}
