/** What the splitter must know: each route's variants and their weights. Small, changed often. */
import { Fields, Problems } from './fields.ts';
import { JsonValue } from './json-reader.ts';
import { JsonObjectWriter } from './json-writer.ts';
import {
  ALL_BASIS_POINTS,
  CONTRACT_VERSION,
  MAX_CLUSTER_NAME_LENGTH,
  MAX_FIELD_PATH_LENGTH,
  MAX_HELD_BYTES,
  MAX_MODEL_NAME_LENGTH,
  MAX_NAME_LENGTH,
  MAX_REVISION,
  MAX_ROUTES,
  MAX_SHARDS,
  MAX_VARIANT_MATCHES,
  MAX_VARIANTS,
  MAX_WEIGHT,
} from './limits.ts';
import { decodeVariantMatch, encodeVariantMatch, SplitterMatch } from './variant-match.ts';

export class SplitterVariant {
  name: string = '';
  /** What Envoy's route table knows the variant by: the cluster that serves it, or a name for that. */
  cluster: string = '';
  /** Envoy cluster to ask about the model, where `cluster` is a name for it; empty: it is none. */
  askCluster: string = '';
  /** Share of the sum of all weights; 0 is exactly none. */
  weight: i32 = 0;
  /** Name under which the backend knows the model; empty: the public name. */
  servedModel: string = '';
  /** Version to add to paths and messages that name none; empty: none. */
  servedVersion: string = '';
  /** One of `PROTOCOLS`: what the backend speaks. */
  protocol: string = '';
}

/** A copy of some of a route's requests, whose answers nobody waits for. */
export class SplitterShadow {
  /** Name of the variant that gets the copies, and Envoy's cluster for them. */
  variant: string = '';
  cluster: string = '';
  /** Share of the requests that are copied, in hundredths of a percent. */
  shareBasisPoints: i32 = 0;
  /** A request whose content-length is above this is not copied. */
  maxBodyBytes: i32 = 0;
}

export class SplitterRoute {
  /** `namespace/name` of the ModelRoute; also salts the buckets, so that routes' cohorts differ. */
  name: string = '';
  /** Header whose value keeps a client on one variant; empty: choose at random. */
  stickyHeader: string = '';
  /** Field of a JSON body that does the same, as `user` or `metadata.tenant`; empty: none. */
  stickyField: string = '';
  /** Whether the response says which variant answered. */
  variantHeader: boolean = true;
  variants: SplitterVariant[] = [];
  /** In order: the first that is true of a request decides, whatever the weights are. */
  matches: SplitterMatch[] = [];
  /** Null: none. */
  shadow: SplitterShadow | null = null;
  /**
   * Its clusters write the backends' names themselves, for each attempt, and must be told what of a request
   * to change; else the chain does it once.
   */
  planned: boolean = false;
}

export class SplitterConfig {
  disabled: boolean = false;
  /** Tells this configuration from an earlier one that says the same. The filter does not look at it. */
  revision: i32 = 0;
  /** What the access log calls this configuration; empty: nothing. */
  label: string = '';
  /** Which part of the whole this is, and of how many: see `shards.ts`. The only one says neither. */
  shard: i32 = 0;
  shards: i32 = 1;
  routes: SplitterRoute[] = [];
}

/** The configuration in `text`, or null with every problem in `problems`. */
export function decodeSplitterConfig(text: string, problems: Problems): SplitterConfig | null {
  const fields = Fields.open(text, problems);
  if (fields === null) return null;
  const config = new SplitterConfig();
  config.disabled = fields.bool('disabled');
  config.revision = fields.int('revision', 0, MAX_REVISION);
  config.label = fields.string('label', MAX_NAME_LENGTH);
  if (fields.has('shards')) {
    config.shards = fields.int('shards', 2, MAX_SHARDS);
    config.shard = fields.int('shard', 0, config.shards - 1);
  }
  const routes = fields.list('routes', MAX_ROUTES);
  for (let i = 0; i < routes.length; i++) {
    config.routes.push(decodeSplitterRoute(routes[i], i, problems));
  }
  fields.end();
  return problems.list.length == 0 ? config : null;
}

export function decodeSplitterRoute(
  value: JsonValue,
  index: i32,
  problems: Problems,
): SplitterRoute {
  const fields = new Fields(value, 'routes', index, problems);
  const route = new SplitterRoute();
  route.name = fields.name('name', MAX_NAME_LENGTH * 2 + 1);
  route.stickyHeader = fields.optionalString('stickyHeader', MAX_NAME_LENGTH);
  route.stickyField = fields.optionalString('stickyField', MAX_FIELD_PATH_LENGTH);
  route.variantHeader = fields.bool('variantHeader');
  const variants = fields.list('variants', MAX_VARIANTS);
  const path = fields.at('variants');
  let total: f64 = 0;
  for (let i = 0; i < variants.length; i++) {
    const inner = new Fields(variants[i], path, i, problems);
    const variant = new SplitterVariant();
    variant.name = inner.name('name', MAX_NAME_LENGTH);
    variant.cluster = inner.name('cluster', MAX_CLUSTER_NAME_LENGTH);
    variant.askCluster = inner.optionalString('askCluster', MAX_CLUSTER_NAME_LENGTH);
    variant.weight = inner.int('weight', 0, MAX_WEIGHT);
    variant.servedModel = inner.optionalString('servedModel', MAX_MODEL_NAME_LENGTH);
    variant.servedVersion = inner.optionalString('servedVersion', MAX_MODEL_NAME_LENGTH);
    variant.protocol = inner.string('protocol', MAX_NAME_LENGTH);
    inner.end();
    total += f64(variant.weight);
    route.variants.push(variant);
  }
  if (total <= 0) problems.add(path, 'at least one weight must be above 0');
  const matches = fields.optionalList('matches', MAX_VARIANT_MATCHES);
  for (let i = 0; i < matches.length; i++) {
    const inner = new Fields(matches[i], fields.at('matches'), i, problems);
    route.matches.push(decodeVariantMatch(inner, problems));
  }
  const shadows = fields.optionalList('shadows', 1);
  if (shadows.length > 0) {
    route.shadow = decodeShadow(new Fields(shadows[0], fields.at('shadows'), 0, problems));
  }
  route.planned = fields.optionalBool('planned');
  fields.end();
  return route;
}

function decodeShadow(fields: Fields): SplitterShadow {
  const shadow = new SplitterShadow();
  shadow.variant = fields.name('variant', MAX_NAME_LENGTH);
  shadow.cluster = fields.name('cluster', MAX_CLUSTER_NAME_LENGTH);
  shadow.shareBasisPoints = fields.int('shareBasisPoints', 0, ALL_BASIS_POINTS);
  shadow.maxBodyBytes = fields.int('maxBodyBytes', 0, MAX_HELD_BYTES);
  fields.end();
  return shadow;
}

export function encodeSplitterConfig(config: SplitterConfig): string {
  return encodeSplitterLines(config, splitterLines(config));
}

/** The routes as they stand in a configuration. */
export function splitterLines(config: SplitterConfig): string[] {
  const lines: string[] = [];
  for (let i = 0; i < config.routes.length; i++) lines.push(encodeRoute(config.routes[i]));
  return lines;
}

/** As `encodeSplitterConfig`, where the lines are there already: they are most of the work. */
export function encodeSplitterLines(config: SplitterConfig, lines: string[]): string {
  const writer = new JsonObjectWriter();
  writer.int('version', CONTRACT_VERSION);
  writer.bool('disabled', config.disabled);
  writer.int('revision', config.revision);
  writer.string('label', config.label);
  if (config.shards > 1) {
    writer.int('shard', config.shard);
    writer.int('shards', config.shards);
  }
  writer.lines('routes', lines);
  return writer.text();
}

/** What most routes do not have is left out: thousands of lines have a hundred bytes less. */
function encodeRoute(route: SplitterRoute): string {
  const variants: string[] = [];
  for (let i = 0; i < route.variants.length; i++) {
    const inner = new JsonObjectWriter();
    inner.string('name', route.variants[i].name);
    inner.string('cluster', route.variants[i].cluster);
    inner.optionalString('askCluster', route.variants[i].askCluster);
    inner.int('weight', route.variants[i].weight);
    inner.optionalString('servedModel', route.variants[i].servedModel);
    inner.optionalString('servedVersion', route.variants[i].servedVersion);
    inner.string('protocol', route.variants[i].protocol);
    variants.push(inner.text());
  }
  const writer = new JsonObjectWriter();
  writer.string('name', route.name);
  writer.optionalString('stickyHeader', route.stickyHeader);
  writer.optionalString('stickyField', route.stickyField);
  writer.bool('variantHeader', route.variantHeader);
  writer.list('variants', variants);
  writer.optionalBool('planned', route.planned);
  const matches: string[] = [];
  for (let i = 0; i < route.matches.length; i++) matches.push(encodeVariantMatch(route.matches[i]));
  if (matches.length > 0) writer.list('matches', matches);
  const shadow = route.shadow;
  if (shadow !== null) writer.list('shadows', [encodeShadow(shadow)]);
  return writer.text();
}

function encodeShadow(shadow: SplitterShadow): string {
  const writer = new JsonObjectWriter();
  writer.string('variant', shadow.variant);
  writer.string('cluster', shadow.cluster);
  writer.int('shareBasisPoints', shadow.shareBasisPoints);
  writer.int('maxBodyBytes', shadow.maxBodyBytes);
  return writer.text();
}
