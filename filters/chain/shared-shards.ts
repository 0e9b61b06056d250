/**
 * The last good configuration of each shard, where all machines of Envoy find it. After a trap the router's
 * filter gets a new machine with its next request; the splitter's filters, which take no requests, would not.
 */
import { MAX_SHARDS } from '../contract/limits.ts';
import { SharedText } from '../host/shared-text.ts';
import { SplitterProgram } from '../splitter/program.ts';

const SPLITTER: string = 'modelweir.splitter';

/** How many there are, where that is more than one. */
const count = new SharedText(SPLITTER + '.shards');
let toldCount: i32 = 0;

function shardText(shard: i32, shards: i32): SharedText {
  const suffix = shards == 1 ? '' : '.' + shard.toString() + '-of-' + shards.toString();
  return new SharedText(SPLITTER + suffix);
}

export function shareShard(program: SplitterProgram, text: string): void {
  shardText(program.shard, program.shards).set(text);
}

/** Says that the shards of this number are all there. */
export function shareCount(shards: i32): void {
  if (shards == toldCount) return;
  toldCount = shards;
  count.set(shards.toString());
}

/** What there is of the last number of shards that was complete. */
export function sharedTexts(): string[] {
  const told = count.get();
  const shards = told.length == 0 ? 1 : min(I32.parseInt(told), MAX_SHARDS);
  const texts: string[] = [];
  for (let i = 0; i < shards; i++) {
    const text = shardText(i, shards).get();
    if (text.length > 0) texts.push(text);
  }
  return texts;
}
