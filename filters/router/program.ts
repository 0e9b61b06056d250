/** The routing table, compiled once per configuration: (host, model) to route, without a search. */
import { Problems } from '../contract/fields.ts';
import { PROTOCOLS } from '../contract/protocols.ts';
import {
  HeaderCondition,
  RouterClaim,
  RouterConfig,
  RouterHost,
  RouterRoute,
} from '../contract/router-config.ts';
import { HeaderSource } from '../wire/header-source.ts';

const ANY_HOST: string = '*';

/** What of a request decides among the claims of one name. */
export class Question {
  /** As `canonicalHost` gives it. */
  host: string = '';
  model: string = '';
  /** Empty: none is named. */
  version: string = '';
  protocol: string = '';
  headers: HeaderSource;

  constructor(headers: HeaderSource) {
    this.headers = headers;
  }
}

/** A claim on conditions. */
class Conditional {
  route: RouterRoute;
  private version: string;
  private protocol: string;
  private headers: HeaderCondition[];

  constructor(route: RouterRoute, claim: RouterClaim) {
    this.route = route;
    this.version = claim.version;
    this.protocol = claim.protocol;
    this.headers = claim.headers;
  }

  holds(question: Question): boolean {
    if (this.version.length > 0 && this.version != question.version) return false;
    if (this.protocol.length > 0 && this.protocol != question.protocol) return false;
    for (let i = 0; i < this.headers.length; i++) {
      const header = this.headers[i];
      if (question.headers.get(header.name) != header.value) return false;
    }
    return true;
  }
}

/** Names, whole or beginnings of them, with the routes that claim them. */
class NameTable {
  /** Each once, in the order of their claims. */
  names: string[] = [];
  private plain: Map<string, RouterRoute> = new Map<string, RouterRoute>();
  private conditional: Map<string, Conditional[]> = new Map<string, Conditional[]>();

  /** False where the name is claimed already. */
  addPlain(name: string, route: RouterRoute): boolean {
    if (this.plain.has(name)) return false;
    if (!this.conditional.has(name)) this.names.push(name);
    this.plain.set(name, route);
    return true;
  }

  addConditional(name: string, claim: Conditional): void {
    if (!this.conditional.has(name)) {
      if (!this.plain.has(name)) this.names.push(name);
      this.conditional.set(name, []);
    }
    this.conditional.get(name)!.push(claim);
  }

  find(name: string, question: Question): RouterRoute | null {
    if (this.conditional.size > 0 && this.conditional.has(name)) {
      const claims = this.conditional.get(name)!;
      for (let i = 0; i < claims.length; i++) {
        if (claims[i].holds(question)) return claims[i].route;
      }
    }
    return this.plain.has(name) ? this.plain.get(name)! : null;
  }
}

/** The models of one host name. */
export class HostTable {
  exact: NameTable = new NameTable();
  /** The first of its routes whose backends speak gRPC. */
  firstGrpc: RouterRoute | null = null;
  private prefixes: NameTable = new NameTable();
  /** Lengths of all prefixes, longest first. */
  private lengths: i32[] = [];

  /** False where the name is claimed already. */
  addName(model: string, route: RouterRoute): boolean {
    this.note(route);
    return this.exact.addPlain(model, route);
  }

  /** False where name and conditions are claimed already. */
  add(claim: RouterClaim, route: RouterRoute): boolean {
    this.note(route);
    if (claim.prefix) this.addLength(claim.model.length);
    const table = claim.prefix ? this.prefixes : this.exact;
    const plain =
      claim.version.length == 0 && claim.protocol.length == 0 && claim.headers.length == 0;
    if (plain) return table.addPlain(claim.model, route);
    table.addConditional(claim.model, new Conditional(route, claim));
    return true;
  }

  find(question: Question): RouterRoute | null {
    const model = question.model;
    const route = this.exact.find(model, question);
    if (route !== null) return route;
    for (let i = 0; i < this.lengths.length; i++) {
      const length = this.lengths[i];
      if (length > model.length) continue;
      const found = this.prefixes.find(model.substring(0, length), question);
      if (found !== null) return found;
    }
    return null;
  }

  /** The route of models whose name nobody knows. */
  findDefault(question: Question): RouterRoute | null {
    return this.prefixes.find('', question);
  }

  private note(route: RouterRoute): void {
    if (route.grpc && this.firstGrpc === null) this.firstGrpc = route;
  }

  private addLength(length: i32): void {
    let at = 0;
    while (at < this.lengths.length && this.lengths[at] > length) at++;
    if (at < this.lengths.length && this.lengths[at] == length) return;
    this.lengths.push(length);
    for (let i = this.lengths.length - 1; i > at; i--) this.lengths[i] = this.lengths[i - 1];
    this.lengths[at] = length;
  }
}

export class RouterProgram {
  disabled: boolean = false;
  passUnready: boolean = false;
  maxHoldBytes: i32 = 0;
  maxHeldBytes: i32 = 0;
  defaultOverLimit: boolean = false;
  modelHeader: string = '';
  noteOutcome: boolean = false;
  noteFacts: boolean = false;
  metadataTimeoutMs: i32 = 0;
  /** Whether there is a route that reads no further than to the model. */
  hasFast: boolean = false;
  /** Whether any table depends on the host: where none does, nobody need read the header. */
  needsHost: boolean = false;
  private exact: Map<string, HostTable> = new Map<string, HostTable>();
  /** By what follows the `*.`. */
  private suffixes: Map<string, HostTable> = new Map<string, HostTable>();
  private any: HostTable | null = null;

  /** Where the models of a host name are kept; made where missing. */
  table(hostname: string): HostTable {
    if (hostname == ANY_HOST) {
      if (this.any === null) this.any = new HostTable();
      return this.any!;
    }
    this.needsHost = true;
    const wildcard = hostname.startsWith('*.');
    const tables = wildcard ? this.suffixes : this.exact;
    const key = wildcard ? hostname.substring(2) : hostname;
    if (!tables.has(key)) tables.set(key, new HostTable());
    return tables.get(key)!;
  }

  /** The tables of a host, the most specific first: its own, of the longest `*.suffix`, ..., of `*`. */
  tablesOf(host: string): HostTable[] {
    const tables: HostTable[] = [];
    if (this.needsHost) {
      if (this.exact.has(host)) tables.push(this.exact.get(host)!);
      let dot = this.suffixes.size == 0 ? -1 : host.indexOf('.');
      while (dot >= 0) {
        const suffix = host.substring(dot + 1);
        if (this.suffixes.has(suffix)) tables.push(this.suffixes.get(suffix)!);
        dot = host.indexOf('.', dot + 1);
      }
    }
    const any = this.any;
    if (any !== null) tables.push(any);
    return tables;
  }

  /** The route of a request: of the first of its host's tables that has one. Null: unknown model. */
  find(question: Question): RouterRoute | null {
    const any = this.any;
    if (!this.needsHost) return any === null ? null : any.find(question);
    const tables = this.tablesOf(question.host);
    for (let i = 0; i < tables.length; i++) {
      const route = tables[i].find(question);
      if (route !== null) return route;
    }
    return null;
  }

  /** The default route of a request's host, whatever its model. */
  findDefault(question: Question): RouterRoute | null {
    const tables = this.tablesOf(question.host);
    for (let i = 0; i < tables.length; i++) {
      const route = tables[i].findDefault(question);
      if (route !== null) return route;
    }
    return null;
  }

  /** A route of a host whose backends speak gRPC. */
  findGrpc(host: string): RouterRoute | null {
    const tables = this.tablesOf(host);
    for (let i = 0; i < tables.length; i++) {
      const route = tables[i].firstGrpc;
      if (route !== null) return route;
    }
    return null;
  }

  /** Whole names that clients of a host may ask for, sorted. */
  modelsOf(host: string): string[] {
    const names: string[] = [];
    const tables = this.tablesOf(host);
    for (let i = 0; i < tables.length; i++) {
      const own = tables[i].exact.names;
      for (let j = 0; j < own.length; j++) names.push(own[j]);
    }
    names.sort();
    const unique: string[] = [];
    for (let i = 0; i < names.length; i++) {
      if (i == 0 || names[i] != names[i - 1]) unique.push(names[i]);
    }
    return unique;
  }
}

/** The program of a configuration, or null with the reasons in `problems`. */
export function compileRouter(config: RouterConfig, problems: Problems): RouterProgram | null {
  const program = new RouterProgram();
  program.disabled = config.disabled;
  program.passUnready = config.passUnready;
  program.maxHoldBytes = config.maxHoldBytes;
  program.maxHeldBytes = config.maxHeldBytes;
  program.defaultOverLimit = config.defaultOverLimit;
  program.modelHeader = config.modelHeader.toLowerCase();
  program.noteOutcome = config.noteOutcome;
  program.noteFacts = config.noteFacts;
  program.metadataTimeoutMs = config.metadataTimeoutMs;
  for (let i = 0; i < config.routes.length; i++) {
    if (!config.routes[i].strict) program.hasFast = true;
  }
  for (let i = 0; i < config.hosts.length; i++) {
    const path = 'hosts[' + i.toString() + ']';
    checkHostname(config.hosts[i].hostname, path, problems);
    compileHost(config.hosts[i], config, program, path, problems);
  }
  return problems.list.length == 0 ? program : null;
}

function checkHostname(hostname: string, path: string, problems: Problems): void {
  if (hostname != hostname.toLowerCase()) {
    problems.add(path + '.hostname', 'must be lower case');
  }
  if (
    hostname.lastIndexOf('*') > 0 ||
    (hostname.length > 1 && hostname.startsWith('*') && !hostname.startsWith('*.'))
  ) {
    problems.add(path + '.hostname', 'may have * only alone or as its first label');
  }
}

function compileHost(
  host: RouterHost,
  config: RouterConfig,
  program: RouterProgram,
  path: string,
  problems: Problems,
): void {
  const table = program.table(host.hostname);
  const twice = 'is claimed twice on ' + host.hostname;
  for (let j = 0; j < host.models.length; j++) {
    const model = host.models[j];
    if (!table.addName(model.model, config.routes[model.route])) {
      problems.add(path + '.models[' + j.toString() + '].model', twice);
    }
  }
  for (let j = 0; j < host.claims.length; j++) {
    const claim = host.claims[j];
    const at = path + '.claims[' + j.toString() + ']';
    if (!claim.prefix && claim.model.length == 0) problems.add(at + '.model', 'must not be empty');
    if (claim.protocol.length > 0 && PROTOCOLS.indexOf(claim.protocol) < 0) {
      problems.add(at + '.protocol', 'must be one of ' + PROTOCOLS.join(', '));
    }
    if (!table.add(claim, config.routes[claim.route])) problems.add(at + '.model', twice);
  }
}

/** A host header without port and final dot, in lower case. */
export function canonicalHost(host: string): string {
  let end = host.length;
  const colon = host.lastIndexOf(':');
  if (colon >= 0 && colon > host.lastIndexOf(']')) {
    if (host.startsWith('[') || host.indexOf(':') == colon) end = colon;
  }
  if (end > 0 && host.charCodeAt(end - 1) == 0x2e) end--;
  return host.substring(0, end).toLowerCase();
}
