/** Bounds and times of a folder source, with their defaults and the reasons for these. */

export interface FolderOptions {
  readonly folder: string;
  /** Changes within this time are read together. */
  readonly debounceMs?: number;
  /** How long a file must stay as it is before it may take objects away: it may be half written. */
  readonly settleMs?: number;
  /** The folder is also looked at this often: file systems and watches lose events. */
  readonly rescanMs?: number;
  readonly maxFiles?: number;
  readonly maxFileBytes?: number;
  readonly maxObjects?: number;
}

export const FOLDER_DEFAULTS = {
  debounceMs: 10,
  settleMs: 50,
  rescanMs: 2000,
  maxFiles: 5000,
  /** A Kubernetes ConfigMap holds as much. */
  maxFileBytes: 1048576,
  maxObjects: 20000,
} as const;
