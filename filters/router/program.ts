/** The routing table, compiled once per configuration: (host, model) to route, without a search. */
import { Problems } from '../contract/fields.ts';
import { RouterConfig, RouterRoute } from '../contract/router-config.ts';
import { encodeHeaderText } from '../wire/percent.ts';

const ANY_HOST: string = '*';

/** One model name of one route. */
export class Entry {
  route: RouterRoute;
  /** The model's public name as it travels in a header. */
  modelHeader: string;

  constructor(route: RouterRoute, model: string) {
    this.route = route;
    this.modelHeader = encodeHeaderText(model);
  }
}

export class RouterProgram {
  disabled: boolean = false;
  maxHoldBytes: i32 = 0;
  /** Whether any table depends on the host: where none does, nobody need read the header. */
  needsHost: boolean = false;
  private exact: Map<string, Map<string, Entry>> = new Map<string, Map<string, Entry>>();
  /** By what follows the `*.`. */
  private suffixes: Map<string, Map<string, Entry>> = new Map<string, Map<string, Entry>>();
  private any: Map<string, Entry> = new Map<string, Entry>();

  /** Where the models of a host name are kept; made where missing. */
  table(hostname: string): Map<string, Entry> {
    if (hostname == ANY_HOST) return this.any;
    this.needsHost = true;
    const wildcard = hostname.startsWith('*.');
    const tables = wildcard ? this.suffixes : this.exact;
    const key = wildcard ? hostname.substring(2) : hostname;
    if (!tables.has(key)) tables.set(key, new Map<string, Entry>());
    return tables.get(key)!;
  }

  /**
   * The route of a model on a host, as `canonicalHost` gives it: the full name's, else that of the
   * longest `*.suffix`, else that of `*`; the first of these that has the model. Null: unknown model.
   */
  find(host: string, model: string): Entry | null {
    if (this.needsHost) {
      const entry = this.findByHost(host, model);
      if (entry !== null) return entry;
    }
    return this.any.has(model) ? this.any.get(model)! : null;
  }

  private findByHost(host: string, model: string): Entry | null {
    if (this.exact.has(host)) {
      const table = this.exact.get(host)!;
      if (table.has(model)) return table.get(model)!;
    }
    if (this.suffixes.size == 0) return null;
    let dot = host.indexOf('.');
    while (dot >= 0) {
      const suffix = host.substring(dot + 1);
      if (this.suffixes.has(suffix)) {
        const table = this.suffixes.get(suffix)!;
        if (table.has(model)) return table.get(model)!;
      }
      dot = host.indexOf('.', dot + 1);
    }
    return null;
  }
}

/** The program of a configuration, or null with the reasons in `problems`. */
export function compileRouter(config: RouterConfig, problems: Problems): RouterProgram | null {
  const program = new RouterProgram();
  program.disabled = config.disabled;
  program.maxHoldBytes = config.maxHoldBytes;
  for (let i = 0; i < config.hosts.length; i++) {
    const host = config.hosts[i];
    const path = 'hosts[' + i.toString() + ']';
    const hostname = host.hostname;
    if (hostname != hostname.toLowerCase()) {
      problems.add(path + '.hostname', 'must be lower case');
    }
    if (
      hostname.lastIndexOf('*') > 0 ||
      (hostname.length > 1 && hostname.startsWith('*') && !hostname.startsWith('*.'))
    ) {
      problems.add(path + '.hostname', 'may have * only alone or as its first label');
    }
    const table = program.table(hostname);
    for (let j = 0; j < host.models.length; j++) {
      const model = host.models[j];
      if (table.has(model.model)) {
        const at = path + '.models[' + j.toString() + '].model';
        problems.add(at, 'is claimed twice on ' + hostname);
      }
      table.set(model.model, new Entry(config.routes[model.route], model.model));
    }
  }
  return problems.list.length == 0 ? program : null;
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
