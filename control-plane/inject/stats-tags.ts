/** Labels that the filters write into the names of their metrics, as `metric;route=ns/name`. */
const LABELS = ['route', 'variant', 'shadow', 'direction', 'outcome'];

/** Envoy takes the first group out of the name and makes the second one the label's value. */
export function statsTags(): object[] {
  return LABELS.map((label) => ({ tag_name: label, regex: `(;${label}=([^;]*))` }));
}
