/** Random requests of KServe's V1 protocol, and a server of it with a library's JSON. */
import { BATCH_KSERVE_V1 } from '../../../filters/wire/batch/batch-request.ts';
import type { Random } from '../../harness/random-json.ts';
import { pick } from '../mutated.ts';
import { type BatchKind, jsonMessage, type Message } from './batch-kind.ts';
import { type Json, list, object, parseExact, spelled } from './exact-json.ts';
import { listText, numberText, objectText, stringText, times, valueText } from './layout.ts';

export const kserveV1: BatchKind = {
  kind: BATCH_KSERVE_V1,
  name: 'KServe V1',
  members(random) {
    const first = pick(['list', 'object', 'plain'], random);
    const fields = {
      signature_name: random(2) === 0 ? '"serving"' : undefined,
      parameters: random(3) === 0 ? valueText(random) : undefined,
    };
    return times(1 + random(6), () => {
      const count = 1 + random(pick([2, 5, 14], random));
      const instances = times(count, () => instanceText(random, first));
      const text = objectText(random, { ...fields, instances: listText(random, instances) });
      return { body: Buffer.from(text), jsonBytes: -1 };
    });
  },
  serve(request) {
    const predictions = instancesOf(request).map((instance, _, all) => {
      return all.length > 1e6 ? null : predictionOf(instance);
    });
    return jsonMessage({ predictions, model: 'm', took: spelled('1.50') });
  },
  slice({ body }, from, to) {
    const answer = object(parseExact(body));
    return jsonMessage({ ...answer, predictions: list(answer['predictions']).slice(from, to) });
  },
  rows: (request) => instancesOf(request).length,
};

function instancesOf({ body }: Message): Json[] {
  const request = object(parseExact(body));
  if (request['inputs'] !== undefined) throw new Error('columns are not served');
  return list(request['instances']);
}

function instanceText(random: Random, first: string): string {
  const values = times(random(4), () => valueText(random));
  if (first === 'list') return listText(random, values);
  if (first === 'object')
    return objectText(random, { a: valueText(random), b: numberText(random) });
  return pick([numberText, stringText], random)(random);
}

function predictionOf(instance: Json): Json {
  const text = JSON.stringify(instance);
  return text.length % 3 === 0 ? { instance, size: spelled(text.length) } : [instance];
}
