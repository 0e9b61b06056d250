/** What Envoy says at `/stats/prometheus`, which is where users read it. */
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type { TestEnvoy } from '../../harness/envoy.ts';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export async function samples(envoy: TestEnvoy): Promise<readonly Sample[]> {
  const { body } = await exchange({ url: `${envoy.url}/stats/prometheus` });
  return body
    .toString()
    .split('\n')
    .flatMap((line) => {
      const match = /^([a-zA-Z_:][\w:]*)(?:{(.*)})? (\S+)$/.exec(line);
      if (match === null) return [];
      const [, name = '', labels = '', value = ''] = match;
      return [{ name, labels: labelsOf(labels), value: Number(value) }];
    });
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w]+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, value]));
}

/** Sum over all samples of this name that have these labels. The name's own prefix may be left out. */
export function sum(
  all: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return all
    .filter((sample) => sample.name === name || sample.name.endsWith(`_${name}`))
    .filter((sample) => Object.entries(labels).every(([key, is]) => sample.labels[key] === is))
    .reduce((total, { value }) => total + value, 0);
}
