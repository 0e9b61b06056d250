/** What the quickstart prints: the table of what it saw, where everything is, and what to try. */
import { relative } from 'node:path';
import { inferBody } from './open-inference.ts';
import type { RunningMesh } from './running-mesh.ts';
import { BURST_CONNECTIONS, type Sighting, UNKNOWN_MODEL } from './sample-traffic.ts';
import { textTable } from './text-table.ts';

/** One line for each part of the traffic, variant and status. */
export function trafficTable(sightings: readonly Sighting[]): string {
  const heading = ['traffic', 'route', 'variant', 'status', 'answers', 'right'];
  heading.push('p50', 'p99', 'requests per call');
  const groups = Map.groupBy(sightings, ({ what, variant, answer }) =>
    [what, variant, answer.status].join(),
  );
  const rows = [...groups.values()].map((group) => trafficRow(group, sightings));
  return textTable([heading, ...rows]);
}

function trafficRow(group: readonly Sighting[], all: readonly Sighting[]): readonly string[] {
  const [first] = group;
  if (first === undefined) return [];
  const judged = group.filter(({ expected }) => expected !== null);
  const right = judged.filter(({ expected, predicted }) => expected === predicted);
  const latencies = group.map(({ answer }) => answer.latencyMs);
  return [
    describe(first.what, all),
    first.what === 'unknown' ? '-' : first.model,
    first.variant ?? '-',
    String(first.answer.status),
    String(group.length),
    judged.length === 0 ? '-' : `${((100 * right.length) / judged.length).toFixed(1)} %`,
    `${quantile(latencies, 0.5).toFixed(1)} ms`,
    `${quantile(latencies, 0.99).toFixed(1)} ms`,
    batchSizes(group),
  ];
}

function describe(what: Sighting['what'], all: readonly Sighting[]): string {
  const part = all.filter((sighting) => sighting.what === what);
  const users = new Set(part.map(({ user }) => user)).size;
  switch (what) {
    case 'tiny':
      return 'tiny, one at a time';
    case 'users':
      return `digits, ${users} users, one at a time`;
    case 'burst':
      return `digits, ${BURST_CONNECTIONS} at a time`;
    case 'unknown':
      return 'a model that nobody serves';
  }
}

function batchSizes(group: readonly Sighting[]): string {
  if (group.every(({ answer }) => answer.status !== 200)) return '-';
  // Only calls that were joined say how many they carried.
  const sizes = group.map(({ batchSize }) => batchSize ?? 1);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return least === most ? `${most}` : `${least} to ${most}, median ${quantile(sizes, 0.5)}`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Where everything is. */
export function places(mesh: RunningMesh): string {
  const { path, isCopy } = mesh.config;
  const resources = isCopy
    ? `${path} (edits are live; a copy of examples/quickstart, because the pods have other ports)`
    : `${relative(process.cwd(), path)} (edits are live)`;
  const rows = [
    ['Models', `${mesh.baseUrl}/v2/models/tiny and ${mesh.baseUrl}/v2/models/digits`],
    ['Status', `${mesh.statusUrl}/status`],
    ['Envoy admin', mesh.adminUrl],
    ...mesh.pods.map(({ name, port }) => [name, `http://127.0.0.1:${port}`]),
    ['Resources', resources],
  ];
  return rows.map(([name = '', value = '']) => `  ${name.padEnd(12)} ${value}`).join('\n');
}

const CHAT = JSON.stringify({
  model: 'tiny-chat',
  messages: [{ role: 'user', content: 'tell me a story' }],
  temperature: 0,
  stream: true,
});
const TEXTS = JSON.stringify({
  model: 'tiny-embed',
  input: ['the soup needs salt', 'a ship sails'],
});

/** One command for each thing that can be tried. `pixels` is a digit to send. */
export function commands({ baseUrl, statusUrl }: RunningMesh, pixels: readonly number[]): string {
  const tiny = `${baseUrl}/v2/models/tiny/infer`;
  const digits = `${baseUrl}/v2/models/digits/infer`;
  const digit = inferBody('pixels', [pixels]);
  const sections = [
    ['a model, by its path', `curl ${post(inferBody('x', [[1, 0, 1]]))} ${tiny}`],
    [
      'one user always gets the same variant: see x-modelweir-variant, and try other users',
      `curl -i -H 'x-user: user-1' ${post(digit)} ${digits}`,
    ],
    [
      'requests that come together share calls: how many did',
      // What follows a # is not sent: it is one URL, forty times.
      `curl -siZ --parallel-immediate ${post(digit)} '${digits}#[1-40]' | grep -i batch-size | sort | uniq -c`,
    ],
    ['a chat, streamed as it is written', `curl -N ${post(CHAT)} ${baseUrl}/v1/chat/completions`],
    ['embeddings of texts', `curl ${post(TEXTS)} ${baseUrl}/v1/embeddings`],
    [
      'a model that nobody serves: an error in the protocol of the request',
      `curl -i ${post(inferBody('x', [[1, 0, 1]]))} ${baseUrl}/v2/models/${UNKNOWN_MODEL}/infer`,
    ],
    ['proxies, versions and conditions; as JSON: curl URL/status', statusCommand(statusUrl)],
  ];
  return sections.map(([comment, command]) => `  # ${comment}\n  ${command}`).join('\n');
}

function statusCommand(statusUrl: string): string {
  return `npm run -s modelweir -- status --url ${statusUrl}`;
}

function post(body: string): string {
  return `-H 'content-type: application/json' -d '${body}'`;
}
