/** The limits that the command line can raise, with the flags that their errors name. */
import { type Command, Option } from 'commander';
import {
  MAX_CALL_TIMEOUT_MS,
  MAX_HELD_BYTES,
  MAX_HOLD_BYTES,
  MAX_TIMEOUT_MS,
} from '../../filters/contract/limits.ts';
import { DEFAULT_MAX_STREAMS } from '../serve/limits.ts';
import { FOLDER_DEFAULTS } from '../store/folder-options.ts';
import { DEFAULT_LIMITS, type Limits, OVER_HOLD_LIMIT } from '../xds/options.ts';
import { header, wholeNumber } from './options.ts';

export interface FolderLimits {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  readonly maxObjects: number;
}

export interface ServeLimits extends FolderLimits, Limits {
  readonly maxStreams: number;
}

const COUNT = wholeNumber(1, 1_000_000_000);
const BYTES = wholeNumber(1, MAX_HOLD_BYTES);
const MILLISECONDS = wholeNumber(1, MAX_TIMEOUT_MS);

/** Adds what bounds the reading of a folder. */
export function withFolderLimits(command: Command): Command {
  const { maxFiles, maxFileBytes, maxObjects } = FOLDER_DEFAULTS;
  return command
    .option('--max-files <count>', 'most files of the folder that are read', COUNT, maxFiles)
    .option('--max-file-bytes <bytes>', 'largest file', COUNT, maxFileBytes)
    .option('--max-objects <count>', 'most objects in the folder', COUNT, maxObjects);
}

/** Adds the header that names a model where nothing else does. */
export function withModelHeader(command: Command): Command {
  return command.option(
    '--model-header <name>',
    'request header that names the model where nothing else does (default: none)',
    header,
  );
}

/** Adds what bounds serving. The idle timeouts' reasons are in `xds/options.ts`. */
export function withServeLimits(command: Command): Command {
  return withFolderLimits(command)
    .option(
      '--max-hold-bytes <bytes>',
      'most bytes of a body held until its model is known',
      BYTES,
      DEFAULT_LIMITS.maxHoldBytes,
    )
    .addOption(
      new Option(
        '--over-hold-limit <what>',
        'what becomes of a body whose model does not come in these bytes',
      )
        .choices(OVER_HOLD_LIMIT)
        .default(DEFAULT_LIMITS.overHoldLimit),
    )
    .option(
      '--max-held-bytes <bytes>',
      'most bytes of all bodies that one Envoy holds until their models are known',
      wholeNumber(1, MAX_HELD_BYTES),
      DEFAULT_LIMITS.maxHeldBytes,
    )
    .option(
      '--max-batcher-held-bytes <bytes>',
      'most bytes that the batcher of one worker holds; past it requests go unbatched',
      BYTES,
      DEFAULT_LIMITS.maxBatcherHeldBytes,
    )
    .option(
      '--metadata-timeout-ms <ms>',
      'longest wait for what a backend says of its model',
      wholeNumber(1, MAX_CALL_TIMEOUT_MS),
      DEFAULT_LIMITS.metadataTimeoutMs,
    )
    .option(
      '--unrouted-idle-timeout-ms <ms>',
      'a request without a route yet ends after so long without a byte',
      MILLISECONDS,
      DEFAULT_LIMITS.unroutedIdleTimeoutMs,
    )
    .option(
      '--upstream-idle-timeout-ms <ms>',
      "an idle connection to a backend is closed after so long; keep it below the backend's own",
      MILLISECONDS,
      DEFAULT_LIMITS.upstreamIdleTimeoutMs,
    )
    .option('--max-streams <count>', 'most xDS streams at one time', COUNT, DEFAULT_MAX_STREAMS);
}
