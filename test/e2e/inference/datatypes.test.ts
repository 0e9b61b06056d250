/** Values of every datatype go through JSON, a worker and onnxruntime and come back as they were. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { identityModel } from '../../unit/inference/onnx-writer.ts';
import { makeRepository, type PodProcess, startPod } from './pod-process.ts';

const VALUES = {
  BOOL: '[true,false,true]',
  UINT8: '[0,1,255]',
  UINT16: '[0,1,65535]',
  UINT32: '[0,1,4294967295]',
  UINT64: '[0,9007199254740993,18446744073709551615]',
  INT8: '[-128,0,127]',
  INT16: '[-32768,0,32767]',
  INT32: '[-2147483648,0,2147483647]',
  INT64: '[-9223372036854775808,9007199254740993,9223372036854775807]',
  FP16: '[0.5,-65504,0.333251953125]',
  FP32: '[0.5,-0.25,16777216]',
  FP64: '[0.1,-1e+300,9007199254740993.5]',
  BYTES: '["","caf\u00e9 \ud83d\ude00","a\\"b\\n"]',
} as const;
type Name = keyof typeof VALUES;

let pod: PodProcess;
const names = Object.keys(VALUES) as Name[];
const repository = makeRepository(
  Object.fromEntries(names.map((name) => [name, identityModel(name)])),
);
before(async () => {
  pod = await startPod(['--repository', repository.path]);
});
after(async () => {
  await pod?.stop();
  repository.remove();
});

async function infer(name: string, data: string): Promise<string> {
  const body = `{"inputs":[{"name":"x","datatype":"${name}","shape":[3],"data":${data}}]}`;
  const reply = await fetch(`http://127.0.0.1:${pod.port}/v2/models/${name}/infer`, {
    method: 'POST',
    body,
  });
  return reply.text();
}

describe('values come back to the last digit', () => {
  for (const name of names) {
    test(name, async () => {
      const text = await infer(name, VALUES[name]);
      const expected = name === 'FP64' ? '[0.1,-1e+300,9007199254740994]' : VALUES[name];
      assert.equal(text, expectedBody(name, expected));
    });

    test(`${name}, joined with others`, async () => {
      const texts = await Promise.all(Array.from({ length: 8 }, () => infer(name, VALUES[name])));
      assert.equal(new Set(texts).size, 1);
      assert.match(texts[0] ?? '', /"shape":\[3\]/);
    });
  }
});

function expectedBody(name: string, data: string): string {
  return `{"model_name":"${name}","model_version":"1","outputs":[{"name":"y","datatype":"${name}","shape":[3],"data":${data}}]}`;
}

test('FP16 in JSON is rounded to the nearest, and refused beyond its range', async () => {
  assert.equal(await infer('FP16', '[0.1,1,1]'), expectedBody('FP16', '[0.0999755859375,1,1]'));
  assert.match(await infer('FP16', '[1,2,65520]'), /element 2 of data is not .* range of FP16/);
});
