import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folderWith, modelweir } from './command.ts';

const quickstart = fileURLToPath(new URL('../../../examples/quickstart', import.meta.url));

const backend = `apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: b }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: 9001 }]
`;

function route(name: string, model: string, variant = 'backendRef: { name: b }'): string {
  return `apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: ${name} }
spec:
  models:
    - name: ${model}
  variants:
    - name: v
      ${variant}
`;
}

test('the quickstart is without problems', async () => {
  const { code, stdout, stderr } = await modelweir('validate', quickstart);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `9 objects in ${quickstart}: no problems (4 routes)\n`);
});

describe('each problem is one line with file, line, object, field and reason', () => {
  const cases: { name: string; files: Record<string, string>; lines: RegExp[] }[] = [
    {
      name: 'malformed YAML',
      files: { 'a.yaml': 'kind: ModelRoute\nmetadata: { name: a\nspec: {}\n', 'b.yaml': backend },
      lines: [/\/a\.yaml:3: not valid YAML: /],
    },
    {
      name: 'a weight of -1',
      files: {
        'b.yaml': backend,
        'r.yaml': route('r', 'm', 'backendRef: { name: b }\n      weight: -1'),
      },
      lines: [
        /\/r\.yaml:10: ModelRoute default\/r: spec\.variants\[0\]\.weight: must be a whole number from 0 to 1000000; got -1$/,
      ],
    },
    {
      name: 'two routes that claim one host and model',
      files: { 'b.yaml': backend, 'one.yaml': route('one', 'm'), 'two.yaml': route('two', 'm') },
      lines: [
        /\/two\.yaml:6: ModelRoute default\/two: spec\.models\[0\]\.name: model m at host \* belongs to ModelRoute default\/one, which came first: /,
      ],
    },
    {
      name: 'a backend that does not exist',
      files: { 'r.yaml': route('r', 'm', 'backendRef: { name: gone }') },
      lines: [
        /\/r\.yaml:9: ModelRoute default\/r: spec\.variants\[0\]\.backendRef\.name: ModelBackend default\/gone does not exist: /,
      ],
    },
    {
      name: 'one object in two files',
      files: { 'a.yaml': backend, 'b.yaml': backend },
      lines: [/\/b\.yaml:1: ModelBackend default\/b is already in .*\/a\.yaml:1, which counts/],
    },
    {
      name: 'several at once, in the order of the files',
      files: {
        'a.yaml': route('a', 'x*y', 'backendRef: { nam: b }'),
        'z.yaml': '- not an object\n',
      },
      lines: [
        /\/a\.yaml:6: .*spec\.models\[0\]\.name: must be a model name .*, prefix\* for all names that begin so/,
        /\/a\.yaml:9: .*spec\.variants\[0\]\.backendRef\.name: is missing/,
        /\/a\.yaml:9: .*spec\.variants\[0\]\.backendRef\.nam: unknown field/,
        /\/z\.yaml:1: must be an object with apiVersion, kind, metadata and spec$/,
      ],
    },
  ];
  for (const { name, files, lines } of cases) {
    test(name, async (context) => {
      const { code, stdout, stderr } = await modelweir('validate', folderWith(context, files));
      const printed = stdout.trimEnd().split('\n');
      assert.equal(printed.length, lines.length, stdout);
      lines.forEach((pattern, index) => {
        assert.match(printed[index] ?? '', pattern);
      });
      assert.equal(code, 1);
      assert.equal(stderr, `${lines.length} problem${lines.length === 1 ? '' : 's'}\n`);
    });
  }
});

describe('wrong use ends with 2 and says what is wrong', () => {
  const cases: [name: string, args: string[], says: RegExp][] = [
    ['a folder that is not there', ['validate', '/no/such/folder'], /is not a folder/],
    ['no folder', ['validate'], /missing required argument 'folder'/],
    ['an unknown option', ['validate', '.', '--fix'], /unknown option '--fix'/],
    ['an unknown command', ['serv'], /unknown command 'serv'/],
    ['serve without a folder', ['serve'], /--config/],
    [
      'serve with a port that is none',
      ['serve', '--config', '.', '--xds-port', '70000'],
      /0 to 65535/,
    ],
    [
      'serve with a host name to listen on',
      ['serve', '--config', '.', '--listen', 'x:1'],
      /IP:PORT/,
    ],
    [
      'serve with a reserved header for the model',
      ['serve', '--config', '.', '--model-header', 'X-Modelweir-Model'],
      /must not start with x-modelweir-/,
    ],
    [
      'serve with a header for the model that is none',
      ['serve', '--config', '.', '--model-header', 'x model'],
      /must be a lower case header name/,
    ],
    [
      'serve with something else to do over the limit',
      ['serve', '--config', '.', '--over-hold-limit', 'cut'],
      /Allowed choices are refuse, default-route/,
    ],
    ...['--max-held-bytes', '--metadata-timeout-ms'].map((option): (typeof cases)[0] => [
      `serve with ${option} 0`,
      ['serve', '--config', '.', option, '0'],
      /must be a whole number from 1 to /,
    ]),
    ['status with a URL that is none', ['status', '--url', 'nonsense'], /is not a URL/],
  ];
  for (const [name, args, says] of cases) {
    test(name, async () => {
      const { code, stdout, stderr } = await modelweir(...args);
      assert.match(stderr, says);
      assert.equal(stdout, '');
      assert.equal(code, 2);
    });
  }
});
