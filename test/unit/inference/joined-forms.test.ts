/** Requests that came as JSON and as bytes meet in one run of a real model, and get their own rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInferRequest } from '../../../inference/protocol/infer-request.ts';
import { InferResponseEncoder } from '../../../inference/protocol/infer-response.ts';
import type { Datatype, Tensor } from '../../../inference/protocol/tensor.ts';
import { splitInferBody } from '../../../inference/server/infer-body.ts';
import { binaryMessage, bytesOf, type Value } from './binary-message.ts';
import { identityModel } from './onnx-writer.ts';
import { modelFile, open, submit } from './runner-harness.ts';

const LIMITS = { maxTensors: 1, maxElements: 100 };
/** Two rows for the request as bytes, then one for the request as JSON. */
const CASES: [Datatype, Value[], string, Value][] = [
  ['FP32', [0.5, -1], '2.5', 2.5],
  ['FP16', [0x3800, 0xbc00], '1', 0x3c00],
  ['INT64', [2n ** 62n, -1n], '9007199254740993', 9_007_199_254_740_993n],
  ['BOOL', [true, false], 'true', true],
  ['BYTES', ['é', ''], '"b"', 'b'],
];

for (const [datatype, rows, json, row] of CASES) {
  test(`${datatype}: both forms share a run`, async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel(datatype)));
    const { inputs, outputs } = runner.metadata;
    const model = { name: 'm', version: '1', inputs, outputs };
    const bytes = bytesOf(datatype, rows);
    const size = bytes.length;
    const binary = { name: 'x', datatype, shape: [2], parameters: { binary_data_size: size } };
    const messages = [
      binaryMessage({ inputs: [binary] }, bytes),
      binaryMessage(
        `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1],"data":[${json}]}]}`,
      ),
    ];
    const answers = await Promise.all(
      messages.map(({ body, headers }) => {
        const parts = splitInferBody(body, headers['inference-header-content-length']);
        return submit(runner, [...parseInferRequest(parts, model, LIMITS).inputs]);
      }),
    );
    assert.deepEqual(batches, [3]);
    const encoder = new InferResponseEncoder(model);
    const sent = answers.map((answer) => {
      const wanted = [{ index: 0, binary: true }];
      return Buffer.concat(encoder.encode(undefined, wanted, [answer as Tensor]).blobs ?? []);
    });
    assert.deepEqual(sent, [bytes, bytesOf(datatype, [row])]);
  });
}
