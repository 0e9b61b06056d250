/** The splitter's configuration, made ready for requests. Cheap to compile: it changes often. */
import { SplitterConfig, SplitterRoute } from '../contract/splitter-config.ts';
import { continueHash, hashText, mix } from './hash.ts';

export class VariantProgram {
  name: string = '';
  cluster: string = '';
  weight: i32 = 0;
  /** Hash of route and variant name. */
  salt: u32 = 0;
}

export class RouteProgram {
  name: string = '';
  /** Lower case; empty: choose at random. */
  stickyHeader: string = '';
  variantHeader: boolean = true;
  variants: VariantProgram[] = [];
  totalWeight: i32 = 0;
  /** Hash of the route's name. */
  salt: u32 = 0;
}

export class SplitterProgram {
  routes: Map<string, RouteProgram> = new Map<string, RouteProgram>();
}

/** Of two routes with one name the first counts. A disabled configuration has no routes. */
export function compile(config: SplitterConfig): SplitterProgram {
  const program = new SplitterProgram();
  if (config.disabled) return program;
  for (let i = 0; i < config.routes.length; i++) {
    const route = compileRoute(config.routes[i]);
    if (!program.routes.has(route.name)) program.routes.set(route.name, route);
  }
  return program;
}

function compileRoute(config: SplitterRoute): RouteProgram {
  const route = new RouteProgram();
  route.name = config.name;
  route.stickyHeader = config.stickyHeader.toLowerCase();
  route.variantHeader = config.variantHeader;
  route.salt = hashText(config.name);
  for (let i = 0; i < config.variants.length; i++) {
    const variant = new VariantProgram();
    variant.name = config.variants[i].name;
    variant.cluster = config.variants[i].cluster;
    variant.weight = config.variants[i].weight;
    // The zero between the two names keeps 'a' + 'bc' apart from 'ab' + 'c'.
    variant.salt = mix(continueHash(continueHash(route.salt, '\0'), variant.name));
    route.totalWeight += variant.weight;
    route.variants.push(variant);
  }
  return route;
}
