/** What the control plane says of itself when something does not work. */
import type { Report } from '../../status/report.ts';
import { exchange } from './exchange.ts';

/** Everything that is not as it should be, as text. Never rejects. */
export async function describeTrouble(statusUrl: string): Promise<string> {
  let report: Report;
  try {
    report = JSON.parse((await exchange({ url: `${statusUrl}/status` })).body.toString());
  } catch (error) {
    return `The control plane does not say why (${error}).`;
  }
  const lines = [
    ...(report.unpublished === null ? [] : [`not published: ${report.unpublished}`]),
    ...(report.proxies.length === 0 ? ['no proxy is connected'] : []),
    ...report.proxies.flatMap((proxy) =>
      proxy.types.flatMap(({ nacks }) =>
        nacks.map(({ message }) => `${proxy.nodeId} refused: ${message}`),
      ),
    ),
    ...report.problems.map(
      ({ file, line, path, reason }) =>
        `${file}:${line}: ${path === '' ? '' : `${path}: `}${reason}`,
    ),
    ...report.objects.flatMap(({ kind, name, conditions }) =>
      conditions
        .filter(({ status }) => status !== 'True')
        .map(({ type, reason, message }) => `${kind} ${name}: ${type}: ${reason}: ${message}`),
    ),
  ];
  const text = lines.length === 0 ? 'nothing is wrong' : lines.join('\n  ');
  return `The control plane says:\n  ${text}`;
}
