/** Which of a ModelBackend's endpoints gets a request. */
import { withRules } from './cel.ts';
import { choice, object, shown } from './fields.ts';
import { headerName } from './names.ts';
import { looseObject, type Rule } from './rules.ts';

const DEFAULT_POLICY = 'LeastRequest';

export const loadBalancing = withRules(
  object({
    policy: choice(['LeastRequest', 'RoundRobin', 'Random', 'RingHash', 'WeightedByLoad'])
      .default(DEFAULT_POLICY)
      .describe('How an endpoint is chosen.'),
    hashHeader: headerName()
      .describe('Request header whose value chooses the endpoint; for RingHash.')
      .optional(),
  }),
  {
    // A default is checked before its own fields have their defaults.
    rule: "!has(self.policy) || self.policy != 'RingHash' || has(self.hashHeader)",
    message: 'is missing: must be a lower case header name, because RingHash goes by its value',
    fieldPath: '.hashHeader',
  },
  {
    rule: "!has(self.hashHeader) || (has(self.policy) && self.policy == 'RingHash')",
    message: 'is read by RingHash only: remove it, or set policy to RingHash',
    fieldPath: '.hashHeader',
  },
);

export const hashHeaderFitsPolicy: Rule = (spec, add) => {
  const { policy = DEFAULT_POLICY, hashHeader } = looseObject(spec['loadBalancing']);
  if (policy === 'RingHash' && hashHeader === undefined) {
    const fix = 'must be a lower case header name, because RingHash goes by its value';
    add(['loadBalancing', 'hashHeader'], `is missing: ${fix}`);
  }
  if (typeof policy !== 'string' || policy === 'RingHash' || hashHeader === undefined) return;
  const fact = `is read by RingHash only, and policy is ${shown(policy)}`;
  add(['loadBalancing', 'hashHeader'], `${fact}: remove it, or set policy to RingHash`);
};
