/** One thing that `modelweir check` has looked at. */
export interface Finding {
  /** `Kubernetes`, `rights`, `Istio`. */
  readonly about: string;
  /** `problem`: it does not work so. `note`: it works, and perhaps not as somebody thinks. */
  readonly level: 'ok' | 'note' | 'problem';
  readonly message: string;
  /** What to do; not given: nothing. */
  readonly fix?: string;
}

export function ok(about: string, message: string): Finding {
  return { about, level: 'ok', message };
}

export function note(about: string, message: string, fix?: string): Finding {
  return { about, level: 'note', message, ...(fix === undefined ? {} : { fix }) };
}

export function problem(about: string, message: string, fix: string): Finding {
  return { about, level: 'problem', message, fix };
}
