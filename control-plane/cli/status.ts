/** `modelweir status`: what a running control plane says of proxies and objects, as tables. */
import { Command } from 'commander';
import type { Report, ReportedObject, ReportedProxy } from '../status/report.ts';
import { CommandFailure } from './failure.ts';
import { istioTables } from './istio-status.ts';
import { textTable } from './quickstart/text-table.ts';

const TIMEOUT_MS = 5000;

export function statusCommand(): Command {
  return new Command('status')
    .description('Prints proxies, versions, refusals, and the conditions of each object.')
    .option('--url <url>', "the control plane's status address", 'http://127.0.0.1:18001')
    .option('--json', 'print what the control plane says, as it says it', false)
    .action(status);
}

async function status({ url, json }: { url: string; json: boolean }): Promise<void> {
  const text = await ask(url);
  console.log(json ? text.trimEnd() : tables(JSON.parse(text) as Report));
}

async function ask(url: string): Promise<string> {
  if (!URL.canParse('/status', url)) {
    throw new CommandFailure(
      `--url ${url} is not a URL: give one such as http://127.0.0.1:18001`,
      2,
    );
  }
  try {
    const response = await fetch(new URL('/status', url), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return await response.text();
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new CommandFailure(`no status from ${url} (${reason}): is the control plane running?`, 1);
  }
}

function tables(report: Report): string {
  const { version, published, unpublished, proxies, objects, problems, istio } = report;
  const parts = [
    `Modelweir ${version}, ${published === null ? 'nothing published' : `published ${published.at}`}`,
    ...(unpublished === null ? [] : [`The newest state is not published: ${unpublished}`]),
    proxyTable(proxies),
    ...refusals(proxies),
    objectTable(objects),
    ...messages(objects),
    ...(istio === undefined ? [] : istioTables(istio)),
  ];
  if (problems.length > 0) {
    const lines = problems.map(({ file, line, path, reason }) => {
      return `  ${file}:${line}: ${path === '' ? '' : `${path}: `}${reason}`;
    });
    parts.push(['Problems', ...lines].join('\n'));
  }
  return parts.join('\n\n');
}

function proxyTable(proxies: readonly ReportedProxy[]): string {
  if (proxies.length === 0) return 'No proxy is connected.';
  const rows = proxies.flatMap((proxy) =>
    proxy.types.map(({ typeUrl, sentVersion, ackedVersion, inSync, nacks }) => [
      proxy.nodeId,
      proxy.mode,
      typeUrl.slice(typeUrl.lastIndexOf('.') + 1),
      sentVersion ?? '-',
      ackedVersion ?? '-',
      nacks.length > 0 ? 'refused' : inSync ? 'in sync' : 'waiting',
    ]),
  );
  return textTable([['PROXY', 'MODE', 'TYPE', 'SENT', 'ACKED', 'STATE'], ...rows]);
}

function refusals(proxies: readonly ReportedProxy[]): string[] {
  const lines = proxies.flatMap(({ nodeId, types }) =>
    types.flatMap(({ nacks }) =>
      nacks.map(({ at, resources, message }) => {
        return `  ${nodeId}, ${at}, ${resources.join(', ')}: ${message}`;
      }),
    ),
  );
  return lines.length > 0 ? [['Refused', ...lines].join('\n')] : [];
}

const CONDITIONS = ['Accepted', 'ResolvedRefs', 'WrittenToIstio', 'Programmed'] as const;

const HEADINGS = {
  Accepted: 'ACCEPTED',
  ResolvedRefs: 'RESOLVED',
  WrittenToIstio: 'IN ISTIO',
  Programmed: 'PROGRAMMED',
} as const;

function objectTable(objects: readonly ReportedObject[]): string {
  if (objects.length === 0) return 'There are no objects.';
  const has = (type: string) =>
    objects.some(({ conditions }) => conditions.some((one) => one.type === type));
  const shown = CONDITIONS.filter((type) => type !== 'WrittenToIstio' || has(type));
  const rows = objects.map(({ kind, namespace, name, conditions }) => [
    kind,
    `${namespace}/${name}`,
    ...shown.map((type) => {
      const found = conditions.find((condition) => condition.type === type);
      if (found === undefined) return '-';
      return found.status === 'True' ? 'True' : `${found.status} (${found.reason})`;
    }),
  ]);
  return textTable([['KIND', 'NAME', ...shown.map((type) => HEADINGS[type])], ...rows]);
}

/** A condition that is not true says why, and nobody should have to ask twice. */
function messages(objects: readonly ReportedObject[]): string[] {
  const lines = objects.flatMap(({ kind, namespace, name, conditions }) =>
    conditions
      .filter(({ status, reason }) => status !== 'True' && reason !== 'NoProxyConnected')
      .map(({ type, message }) => `  ${kind} ${namespace}/${name}: ${type}: ${message}`),
  );
  return lines.length > 0 ? [['Not as it should be', ...lines].join('\n')] : [];
}
