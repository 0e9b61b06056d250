/** A route of the configuration as a target: what to ask the proxy so that it is this route, and this variant of it. */

import type * as ir from '../../ir/mesh.ts';
import { FOLDER_DEFAULTS } from '../../store/folder-options.ts';
import type { TranslateOptions } from '../../xds/options.ts';
import { DEFAULT_LIMITS } from '../../xds/options.ts';
import { CommandFailure } from '../failure.ts';
import { requireFolder } from '../folder.ts';

export interface RouteTarget {
  readonly model: string;
  readonly version: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RouteQuestion {
  /** `NAME` or `NAMESPACE/NAME`. */
  readonly route: string;
  readonly folder: string;
  /** Null: the route's first name that is whole. */
  readonly model: string | null;
  /** Null: as the route's weights say. */
  readonly variant: string | null;
}

type Headers = Readonly<Record<string, string>>;

/** A variant with one bucket in a hundred is found in so many keys almost surely. */
const STICKY_KEYS = 1000;
const CLIENT = '127.0.0.1';

/** @throws CommandFailure when there is no such route, or nothing that a caller sends gives its requests to the variant. */
export async function routeTarget(question: RouteQuestion): Promise<RouteTarget> {
  const mesh = await readMesh(question.folder);
  const route = findRoute(mesh, question);
  const claim = route.claims.find(({ model, prefix }) => {
    return question.model === null
      ? !prefix && model !== ''
      : claims(question.model, model, prefix);
  });
  const model = question.model ?? claim?.model;
  if (claim === undefined || model === undefined) {
    throw new CommandFailure(`route ${route.name} claims no model that --model leaves open`, 2);
  }
  const base: Headers = { ...hostHeader(claim), ...named(claim.headers) };
  const target = { model, version: claim.version };
  if (question.variant === null) return { ...target, headers: base };
  const headers = await headersFor(mesh, route, question.variant, { ...target, headers: base });
  return { ...target, headers };
}

async function readMesh(folder: string): Promise<ir.Mesh> {
  const { readFolder } = await import('../../store/folder-source.ts');
  const { Pipeline } = await import('../../pipeline.ts');
  await requireFolder(folder);
  const event = await readFolder({ ...FOLDER_DEFAULTS, folder });
  const { mesh, problems } = new Pipeline([]).run(event);
  if (problems.length > 0) {
    console.error(
      `${problems.length} problems in ${folder} (see modelweir validate): what is left counts`,
    );
  }
  return mesh;
}

function findRoute({ routes }: ir.Mesh, { route: wanted, folder }: RouteQuestion): ir.Route {
  const name = wanted.includes('/') ? wanted : `default/${wanted}`;
  const found = routes.find((route) => route.name === name);
  if (found !== undefined) return found;
  const known = routes.map((route) => route.name).join(', ') || 'none';
  throw new CommandFailure(`no route ${name} in ${folder}: there are ${known}`, 2);
}

function claims(wanted: string, model: string, prefix: boolean): boolean {
  return prefix ? wanted.startsWith(model) : wanted === model;
}

function hostHeader({ hostname }: ir.Claim): Headers {
  return hostname === '*' ? {} : { host: hostname.replace('*', 'modelweir-eval') };
}

function named(conditions: readonly { readonly name: string; readonly value: string }[]): Headers {
  return Object.fromEntries(conditions.map(({ name, value }) => [name, value]));
}

/** The filters' own code says which of the headers that could do it does it. */
async function headersFor(
  mesh: ir.Mesh,
  route: ir.Route,
  variant: string,
  target: RouteTarget,
): Promise<Headers> {
  if (!route.variants.some(({ name }) => name === variant)) {
    const known = route.variants.map(({ name }) => name).join(', ');
    throw new CommandFailure(`route ${route.name} has no variant ${variant}: it has ${known}`, 2);
  }
  const { explain } = await import('../../explain/explain.ts');
  for (const added of candidates(route, variant)) {
    const headers = { ...target.headers, ...added };
    const version = target.version === null ? '' : `/versions/${target.version}`;
    const request = {
      method: 'POST',
      path: `/v2/models/${target.model}${version}/infer`,
      headers: new Map(Object.entries({ host: 'modelweir-eval', ...headers })),
      body: new Uint8Array(0),
    };
    const { route: owner, variant: chosen } = explain(mesh, TRANSLATION, request, CLIENT);
    if (owner === route.name && chosen === variant) return headers;
  }
  throw new CommandFailure(
    `no header gives requests of route ${route.name} to its variant ${variant}: add an entry with a header to variantMatches, such as {variant: ${variant}, headers: [{name: x-variant, value: ${variant}}]}`,
    2,
  );
}

function* candidates(route: ir.Route, variant: string): Generator<Headers> {
  yield {};
  for (const match of route.matches) {
    if (match.variant !== variant || match.bodyFields.length > 0) continue;
    const cookie = match.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    yield { ...named(match.headers), ...(cookie === '' ? {} : { cookie }) };
  }
  if (route.stickyHeader === null) return;
  for (let i = 0; i < STICKY_KEYS; i++) yield { [route.stickyHeader]: `modelweir-eval-${i}` };
}

const NO_MODULE = { path: '', sha256: '' };

const TRANSLATION: TranslateOptions = {
  modules: { chain: NO_MODULE, batcher: NO_MODULE, rewriter: NO_MODULE },
  limits: DEFAULT_LIMITS,
  modelHeader: null,
  accessLog: null,
  outcomeMetrics: false,
};
