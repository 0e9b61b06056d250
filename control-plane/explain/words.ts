/** An explanation as people read it, and as scripts do. */
import { REASON_MATCH } from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import type { Explanation } from './explain.ts';

const LABEL_WIDTH = 10;
const MAX_SHOWN_BYTES = 200;

export function explanationText(explanation: Explanation): string {
  return [...facts(explanation), ...effects(explanation)]
    .map(([label, words]) => `${label.padEnd(LABEL_WIDTH)}${words}`)
    .join('\n');
}

/** Bodies as text; keys as in `Explanation`. */
export function explanationJson(explanation: Explanation): string {
  const body = explanation.body === null ? null : Buffer.from(explanation.body).toString();
  return JSON.stringify({ ...explanation, body }, null, 2);
}

type Line = readonly [label: string, words: string];

function facts(explanation: Explanation): Line[] {
  const { outcome, protocol, host, model, version, route, claim } = explanation;
  if (outcome === 'passed') {
    return [['outcome', 'passed: the request asks for no model of this host']];
  }
  const lines: Line[] = [['outcome', outcome]];
  if (protocol !== null) lines.push(['protocol', protocol]);
  if (host !== null) lines.push(['host', host]);
  if (model !== null) {
    lines.push(['model', version === null ? model : `${model}, version ${version}`]);
  }
  if (route !== null) {
    lines.push(['route', claim === null ? route : `${route}, which claims ${claimWords(claim)}`]);
  }
  return lines;
}

function claimWords({ hostname, model, prefix, version, protocol, headers }: ir.Claim): string {
  const conditions = [
    ...(version === null ? [] : [`version ${version}`]),
    ...(protocol === null ? [] : [`protocol ${protocol}`]),
    ...headers.map(({ name, value }) => `${name}: ${value}`),
  ];
  const name = `${model}${prefix ? '*' : ''} at ${hostname}`;
  return conditions.length === 0 ? name : `${name} with ${conditions.join(', ')}`;
}

function effects(explanation: Explanation): Line[] {
  const { variant, chances, cluster, fallback, shadow, path, body, answer } = explanation;
  const lines: Line[] = [];
  if (variant !== null) lines.push(['variant', `${variant}, ${reason(explanation)}`]);
  if (chances !== null) lines.push(['variant', `at random: ${shares(chances)}`]);
  if (cluster !== null) lines.push(['cluster', cluster]);
  if (fallback.length > 0) lines.push(['fallback', fallback.join(', then ')]);
  if (shadow !== null)
    lines.push(['shadow', `${shadow.variant}, ${percent(shadow.share)} of such`]);
  if (path !== null) lines.push(['path', path]);
  if (body !== null) lines.push(['body', shown(body)]);
  if (answer !== null) lines.push(['answer', `${answer.status} ${answer.body}`]);
  return lines;
}

function reason({ reason, sticky }: Explanation): string {
  if (reason === REASON_MATCH) return 'by variantMatches';
  return sticky === null
    ? 'the only one'
    : `bucket ${sticky.bucket} of key ${JSON.stringify(sticky.key)}`;
}

function shares(chances: Readonly<Record<string, number>>): string {
  return Object.entries(chances)
    .map(([variant, share]) => `${variant} ${percent(share)}`)
    .join(', ');
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

function shown(body: Uint8Array): string {
  const text = Buffer.from(body.subarray(0, MAX_SHOWN_BYTES)).toString();
  return body.length > MAX_SHOWN_BYTES ? `${text}... (${body.length} bytes)` : text;
}
