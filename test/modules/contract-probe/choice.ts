/** Test only: the splitter's choice, asked in lines of text and answered in one. */
import { Problems } from '../../../filters/contract/fields.ts';
import { BUCKETS } from '../../../filters/contract/limits.ts';
import { decodeSplitterConfig } from '../../../filters/contract/splitter-config.ts';
import { bucketOf, variantOfBucket, variantOfPoint } from '../../../filters/splitter/choice.ts';
import { Facts, matchOf } from '../../../filters/splitter/match.ts';
import { compileSplitter, RouteProgram } from '../../../filters/splitter/program.ts';
import { cookieValue } from '../../../filters/wire/cookie.ts';
import { IpAddress } from '../../../filters/wire/ip-address.ts';
import { parseNetwork } from '../../../filters/wire/network.ts';

/** The answer to a question of `kind`; empty where there is no such kind. */
export function answerTo(kind: string, text: string, problems: Problems): string {
  const lines = text.split('\n');
  if (kind == 'network') return membersOf(lines);
  if (kind == 'cookie') return '=' + cookieValue(lines[1], lines[0]);
  if (kind != 'owners' && kind != 'buckets' && kind != 'points' && kind != 'match') return '';
  const route = firstRoute(lines[0], problems);
  if (route === null) return '';
  if (kind == 'match') return matchOf(route, new WrittenFacts(lines)).toString();
  const numbers: string[] = [];
  if (kind == 'owners') {
    for (let i = 0; i < BUCKETS; i++) numbers.push(variantOfBucket(route, i).toString());
  } else if (kind == 'buckets') {
    for (let i = 1; i < lines.length; i++) numbers.push(bucketOf(route, lines[i]).toString());
  } else {
    for (let i = -1; i <= route.totalWeight; i++) numbers.push(variantOfPoint(route, i).toString());
  }
  return numbers.join(',');
}

function firstRoute(text: string, problems: Problems): RouteProgram | null {
  const config = decodeSplitterConfig(text, problems);
  if (config === null) return null;
  const program = compileSplitter(config, problems);
  return program === null ? null : program.find(config.routes[0].name);
}

/** Whether each address is in the network of the first line; `none` where that is no network. */
function membersOf(lines: string[]): string {
  const network = parseNetwork(lines[0]);
  if (network === null) return 'none';
  let text = 'in ';
  for (let i = 1; i < lines.length; i++) {
    text += network.contains(new IpAddress(lines[i])) ? '1' : '0';
  }
  return text;
}

/** Lines as `header x-user=ann`, `cookie a=b`, `field 0=acme`, `pending 1=`, `source =10.0.0.1`. */
class WrittenFacts extends Facts {
  private lines: string[];

  constructor(lines: string[]) {
    super();
    this.lines = lines;
  }

  header(name: string): string {
    return this.after('header ' + name + '=');
  }

  cookie(name: string): string {
    return this.after('cookie ' + name + '=');
  }

  field(index: i32): string {
    return this.after('field ' + index.toString() + '=');
  }

  fieldPending(index: i32): boolean {
    return this.lines.indexOf('pending ' + index.toString() + '=') >= 0;
  }

  source(): string {
    return this.after('source =');
  }

  private after(start: string): string {
    for (let i = 1; i < this.lines.length; i++) {
      if (this.lines[i].startsWith(start)) return this.lines[i].substring(start.length);
    }
    return '';
  }
}
