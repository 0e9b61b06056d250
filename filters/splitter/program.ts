/** The splitter's configuration, made ready for requests. Cheap to compile: it changes often. */
import { Problems } from '../contract/fields.ts';
import { MAX_BODY_FIELDS } from '../contract/limits.ts';
import {
  SplitterConfig,
  SplitterRoute,
  SplitterShadow,
  SplitterVariant,
} from '../contract/splitter-config.ts';
import { FieldList } from '../wire/body-fields.ts';
import { ServedName } from '../wire/served-name.ts';
import { encodeUtf8 } from '../wire/utf8.ts';
import { continueHash, hashText, mix } from './hash.ts';
import { compileMatch, MatchPath, MatchProgram } from './match-program.ts';

export class VariantProgram {
  name: string = '';
  cluster: string = '';
  /** The cluster to ask about the model. */
  askCluster: string = '';
  weight: i32 = 0;
  /** One of `PROTOCOLS`. */
  protocol: string = '';
  /** Hash of route and variant name. */
  salt: u32 = 0;
  private servedModel: string = '';
  private servedVersion: string = '';
  /** Made for the first request that needs them: of many thousands of variants few do. */
  private servedName: ServedName | null = null;
  private encodedName: Uint8Array | null = null;
  private encodedCluster: Uint8Array | null = null;

  constructor(config: SplitterVariant) {
    this.name = config.name;
    this.cluster = config.cluster;
    this.askCluster = config.askCluster.length > 0 ? config.askCluster : config.cluster;
    this.weight = config.weight;
    this.protocol = config.protocol;
    this.servedModel = config.servedModel;
    this.servedVersion = config.servedVersion;
  }

  /** The name in UTF-8, as it is handed to the host. */
  nameBytes(): Uint8Array {
    const known = this.encodedName;
    if (known !== null) return known;
    const bytes = encodeUtf8(this.name);
    this.encodedName = bytes;
    return bytes;
  }

  clusterBytes(): Uint8Array {
    const known = this.encodedCluster;
    if (known !== null) return known;
    const bytes = encodeUtf8(this.cluster);
    this.encodedCluster = bytes;
    return bytes;
  }

  /** Name under which the backend knows the model. */
  served(): ServedName {
    const known = this.servedName;
    if (known !== null) return known;
    const served = new ServedName(this.servedModel, this.servedVersion);
    this.servedName = served;
    return served;
  }
}

/** Who gets copies of a route's requests. */
export class ShadowProgram {
  /** Name of the variant. */
  variant: string = '';
  cluster: string = '';
  /** Share of the requests, in hundredths of a percent. */
  shareBasisPoints: i32 = 0;
  /** A request whose content-length is above this is not copied. */
  maxBodyBytes: i32 = 0;
  private encodedCluster: Uint8Array | null = null;

  constructor(config: SplitterShadow) {
    this.variant = config.variant;
    this.cluster = config.cluster;
    this.shareBasisPoints = config.shareBasisPoints;
    this.maxBodyBytes = config.maxBodyBytes;
  }

  clusterBytes(): Uint8Array {
    const known = this.encodedCluster;
    if (known !== null) return known;
    const bytes = encodeUtf8(this.cluster);
    this.encodedCluster = bytes;
    return bytes;
  }
}

export class RouteProgram {
  name: string = '';
  /** Lower case; empty: choose at random. */
  stickyHeader: string = '';
  /** Index into the program's `fields`, or -1. */
  stickyField: i32 = -1;
  variantHeader: boolean = true;
  variants: VariantProgram[] = [];
  totalWeight: i32 = 0;
  /** In order: the first that is true decides, whatever the weights are. */
  matches: MatchProgram[] = [];
  /** Null: none. */
  shadow: ShadowProgram | null = null;
  /** Whether the rewriters of its clusters change all of its requests, and need a plan for that. */
  planned: boolean = false;
  /** Hash of the route's name. */
  salt: u32 = 0;
  /** What it was compiled from, as a line of JSON; empty: not known. */
  source: string = '';
  /** Fields of bodies that it wants, and their places in the program's `fields`. */
  fieldPaths: string[] = [];
  fieldPlaces: i32[] = [];
  private encodedName: Uint8Array | null = null;

  /** The name in UTF-8, as it is handed to the host. */
  nameBytes(): Uint8Array {
    const known = this.encodedName;
    if (known !== null) return known;
    const bytes = encodeUtf8(this.name);
    this.encodedName = bytes;
    return bytes;
  }
}

export class SplitterProgram {
  routes: Map<string, RouteProgram> = new Map<string, RouteProgram>();
  /** In the order of the configuration. */
  list: RouteProgram[] = [];
  /** Fields of bodies that any route wants. */
  fields: FieldList = new FieldList();
  /** What the access log calls this configuration; empty: nothing. */
  label: string = '';
  /** Which shard of how many. */
  shard: i32 = 0;
  shards: i32 = 1;
  private encodedLabel: Uint8Array | null = null;
  private placed: FieldList | null = null;
  private places: i32[] = [];

  /** For each of its fields the place in `list`; -1 where the list has it not. */
  placesIn(list: FieldList): i32[] {
    if (this.placed === list) return this.places;
    const places: i32[] = [];
    const paths = this.fields.paths;
    for (let i = 0; i < paths.length; i++) places.push(list.paths.indexOf(paths[i]));
    this.placed = list;
    this.places = places;
    return places;
  }

  labelBytes(): Uint8Array {
    const known = this.encodedLabel;
    if (known !== null) return known;
    const bytes = encodeUtf8(this.label);
    this.encodedLabel = bytes;
    return bytes;
  }

  /** Of two routes with one name the first counts. */
  add(route: RouteProgram): void {
    this.list.push(route);
    if (!this.routes.has(route.name)) this.routes.set(route.name, route);
  }

  find(route: string): RouteProgram | null {
    return this.routes.has(route) ? this.routes.get(route)! : null;
  }
}

/** The program of a configuration, or null with the reasons in `problems`. A disabled one has no routes. */
export function compileSplitter(
  config: SplitterConfig,
  problems: Problems,
): SplitterProgram | null {
  const program = new SplitterProgram();
  program.label = config.label;
  program.shard = config.shard;
  program.shards = config.shards;
  if (config.disabled) return program;
  for (let i = 0; i < config.routes.length; i++) {
    program.add(compileRoute(config.routes[i], i, program.fields, problems));
  }
  return problems.list.length == 0 ? program : null;
}

/** `index`: its place in the configuration. The fields of bodies that it wants are added to `fields`. */
export function compileRoute(
  config: SplitterRoute,
  index: i32,
  fields: FieldList,
  problems: Problems,
): RouteProgram {
  const route = compileVariants(config);
  compileStickyField(config, index, route, fields, problems);
  compileMatches(config, index, route, fields, problems);
  const paths = fieldPathsOf(config);
  for (let i = 0; i < paths.length; i++) route.fieldPlaces.push(fields.add(paths[i]));
  route.fieldPaths = paths;
  return route;
}

function fieldPathsOf(config: SplitterRoute): string[] {
  const paths: string[] = [];
  if (config.stickyField.length > 0) paths.push(config.stickyField);
  for (let i = 0; i < config.matches.length; i++) {
    const fields = config.matches[i].fields;
    for (let j = 0; j < fields.length; j++) paths.push(fields[j].name);
  }
  return paths;
}

function compileVariants(config: SplitterRoute): RouteProgram {
  const route = new RouteProgram();
  route.name = config.name;
  route.stickyHeader = config.stickyHeader.toLowerCase();
  route.variantHeader = config.variantHeader;
  route.planned = config.planned;
  const shadow = config.shadow;
  if (shadow !== null) route.shadow = new ShadowProgram(shadow);
  route.salt = hashText(config.name);
  for (let i = 0; i < config.variants.length; i++) {
    const variant = new VariantProgram(config.variants[i]);
    // The zero between the two names keeps 'a' + 'bc' apart from 'ab' + 'c'.
    variant.salt = mix(continueHash(continueHash(route.salt, '\0'), variant.name));
    route.totalWeight += variant.weight;
    route.variants.push(variant);
  }
  return route;
}

function compileStickyField(
  config: SplitterRoute,
  index: i32,
  route: RouteProgram,
  fields: FieldList,
  problems: Problems,
): void {
  if (config.stickyField.length == 0) return;
  route.stickyField = fields.add(config.stickyField);
  if (route.stickyField >= 0) return;
  const path = 'routes[' + index.toString() + '].stickyField';
  problems.add(path, 'is one of more than ' + MAX_BODY_FIELDS.toString() + ' different fields');
}

function compileMatches(
  config: SplitterRoute,
  index: i32,
  route: RouteProgram,
  fields: FieldList,
  problems: Problems,
): void {
  for (let i = 0; i < config.matches.length; i++) {
    const match = config.matches[i];
    const variant = variantNamed(route, match.variant);
    const path = new MatchPath(index, i);
    route.matches.push(compileMatch(match, variant, fields, path, problems));
  }
}

/** Index of the first variant of this name, or -1. */
function variantNamed(route: RouteProgram, name: string): i32 {
  for (let i = 0; i < route.variants.length; i++) {
    if (route.variants[i].name == name) return i;
  }
  return -1;
}
