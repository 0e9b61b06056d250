/** The import rules of the design, each with its reason. A broken rule is a broken seam. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Rule {
  readonly name: string;
  readonly reason: string;
  /** Files that the rule is about. */
  readonly from: RegExp;
  /** Imports that it forbids, unless `allowed` matches. */
  readonly forbidden: RegExp;
  readonly allowed?: RegExp;
  /** Whether a file may import what is in its own folder. */
  readonly ownFolder?: true;
}

const RULES: readonly Rule[] = [
  {
    name: 'the contract imports nothing',
    reason: 'both compilers and both sides read it; it must not drag either along',
    from: /^filters\/contract\//,
    forbidden: /./,
    allowed: /^filters\/contract\//,
  },
  {
    name: 'wire imports only the contract',
    reason: 'every filter reads bytes with it',
    from: /^filters\/wire\//,
    forbidden: /./,
    allowed: /^filters\/(contract|wire)\//,
  },
  {
    name: 'router and splitter import only the contract, wire and their own folder',
    reason: 'each is pure and stands alone; only the chain knows how they follow each other',
    from: /^filters\/(router|splitter)\//,
    forbidden: /./,
    allowed: /^filters\/(contract|wire)\//,
    ownFolder: true,
  },
  {
    name: 'the rewriter knows no other filter',
    reason: 'the chain uses what it knows of edits, and it runs behind any chain',
    from: /^filters\/rewriter\//,
    forbidden: /./,
    allowed: /^filters\/(contract|wire|rewriter|host|abi)\//,
  },
  {
    name: 'in the rewriter only what carries edits out knows the host',
    reason: 'plans, edits and comparisons run under Node in tests and in `explain`',
    from: /^filters\/rewriter\/(?!(index|root|filter|answer-stream|edited-answer|edited-body|counts|facts|offers)\.ts)/,
    forbidden:
      /^filters\/(abi|host)\/|^filters\/rewriter\/(index|root|filter|answer-stream|edited-answer|edited-body|counts|facts|offers)\.ts$/,
  },
  {
    name: 'the chain imports router, splitter and rewriter, and no other filter',
    reason: 'it is one module of these three; the batcher is another, joined to it by headers only',
    from: /^filters\/chain\//,
    forbidden: /./,
    allowed: /^filters\/(contract|wire|router|splitter|rewriter|host|abi)\//,
    ownFolder: true,
  },
  {
    name: 'in the chain only what carries a journey out knows the host',
    reason: 'the journey runs under Node in tests and in `explain`, where there is no proxy',
    from: /^filters\/chain\/(?!(index|root|filter|facts|metadata|counts|shared-shards)\.ts)/,
    forbidden:
      /^filters\/(abi|host)\/|^filters\/chain\/(index|root|filter|facts|metadata|counts|shared-shards)\.ts$/,
  },
  {
    name: 'pure code of a filter imports only the contract, wire and pure code beside it',
    reason: 'it runs under Node in tests, where there is no proxy',
    from: /^filters\/(batcher|limiter)\/(?!(call|counts|filter|index|root)\.ts)/,
    forbidden: /^filters\/(abi|host)\/|\/(call|counts|filter|index|root)\.ts$/,
  },
  {
    name: 'only the host, and what a module exports, touch the ABI',
    reason: 'pointers and contexts that crash the proxy stay in one place',
    from: /^filters\/(?!abi\/|host\/|contract\/|wire\/)[a-z-]+\/(?!index\.ts)/,
    forbidden: /^filters\/abi\//,
  },
  {
    name: 'a module exports callbacks from the ABI and takes nothing else of it',
    reason: 'the list of exports is the only thing that an index.ts adds to the host',
    from: /^filters\/[a-z-]+\/index\.ts$/,
    forbidden: /^filters\/abi\//,
    allowed: /^filters\/abi\/exports\.ts$/,
  },
  {
    name: 'the ABI knows no filter and no host',
    reason: 'it is the bottom layer',
    from: /^filters\/abi\//,
    forbidden: /./,
    allowed: /^filters\/abi\//,
  },
  {
    name: 'the host knows no filter',
    reason: 'every filter stands on it',
    from: /^filters\/host\//,
    forbidden: /./,
    allowed: /^filters\/(abi|host|wire)\//,
  },
  {
    name: 'one filter knows nothing of another but what a plan is',
    reason: 'they are modules of their own, joined only by headers of the contract and by plans',
    from: /^filters\/(batcher|limiter)\//,
    forbidden: /^filters\/(chain|router|splitter|rewriter|batcher|limiter)\//,
    allowed: /^filters\/rewriter\/plan\.ts$/,
    ownFolder: true,
  },
  {
    name: 'filters know nothing of what runs outside the proxy',
    reason: 'they are compiled to WebAssembly',
    from: /^filters\//,
    forbidden: /^(control-plane|inference|test|scripts)\/|^node:|^[@a-z]/,
    allowed: /^filters\//,
  },
  {
    name: 'the mesh model imports nothing of ours',
    reason: 'it is what both the resources and the translators agree on',
    from: /^control-plane\/ir\//,
    forbidden: /^(control-plane|filters|inference|test|scripts)\//,
    allowed: /^control-plane\/ir\//,
  },
  {
    name: 'building never imports xds, serving or Kubernetes',
    reason: 'the middle model must not know what it becomes',
    from: /^control-plane\/build\//,
    forbidden: /^control-plane\/(xds|serve|kube|istio|cli)\//,
  },
  {
    name: 'translation never sees resources or Kubernetes',
    reason: 'raw input never crosses the middle',
    from: /^control-plane\/xds\//,
    forbidden: /^control-plane\/(api|store|build|kube|istio|cli)\//,
  },
  {
    name: "translation into Istio's objects sees the mesh model and Envoy's messages, and no cluster",
    reason: 'the same objects are written to a cluster, to a file and to golden files',
    from: /^control-plane\/istio\/[^/]+\.ts$/,
    forbidden: /^control-plane\/(api|store|build|kube|serve|status|cli|istio\/live)\//,
    allowed: /^control-plane\/api\/cluster-kinds\.ts$/,
  },
  {
    name: 'serving knows resources as bytes only',
    reason: 'the xDS server must serve whatever translation makes',
    from: /^control-plane\/serve\//,
    forbidden: /^control-plane\/(ir|api|store|build|kube|istio|cli)\//,
  },
  {
    name: 'a cluster is read and written without knowing what its objects mean to a mesh',
    reason: 'the same writer serves whatever kinds it is told of',
    from: /^control-plane\/kube\//,
    forbidden: /^control-plane\/(build|xds|serve|istio|cli)\//,
  },
  {
    name: 'what tells Istio knows no command and no server of ours',
    reason: 'it gets a mesh and a cluster, and says what became of it',
    from: /^control-plane\/istio\/live\//,
    forbidden: /^control-plane\/(api|build|serve|status|cli)\//,
    allowed: /^control-plane\/(api\/cluster-kinds|build\/names)\.ts$/,
  },
  {
    name: 'injection knows neither models nor commands',
    reason: 'what a pod gets is a way to the control plane, whatever that will tell it',
    from: /^control-plane\/inject\//,
    forbidden: /^control-plane\/(api|store|build|ir|xds|istio|status|cli)\//,
  },
  {
    name: 'what changes a pod knows no API server',
    reason: 'the same code works on files, where there is none',
    from: /^control-plane\/inject\/(?!(injector|cluster|keeper|certificate-secret|ca-bundle)\.ts)/,
    forbidden:
      /^control-plane\/kube\/|^control-plane\/inject\/(injector|cluster|keeper|certificate-secret|ca-bundle)\.ts$/,
  },
  {
    name: 'of the control plane only the commands that run or ask models know the inference pod',
    reason: 'serving a mesh must not load a runtime for models',
    from: /^control-plane\/(?!cli\/(rows|model|scores|infer|eval|optimize)\/)/,
    forbidden: /^inference\//,
  },
  {
    name: 'what reads rows and counts answers knows no command',
    reason: 'three commands stand on it',
    from: /^control-plane\/cli\/(rows|model|scores)\//,
    forbidden: /^control-plane\/cli\/(infer|eval|optimize)\//,
  },
  {
    name: 'the commands for models are loaded when they are called',
    reason: 'every other command would start the runtime with them',
    from: /^control-plane\/(main|cli\/(infer|eval|optimize)\/index)\.ts$/,
    forbidden: /^inference\//,
  },
  {
    name: 'the inference pod stands alone',
    reason: 'people run it without the mesh',
    from: /^inference\//,
    forbidden: /^(control-plane|filters|test|scripts)\//,
  },
  {
    name: "the pod's HTTP/2 knows nothing of gRPC or of models",
    reason: 'it is judged by its own specification',
    from: /^inference\/server\/http2\//,
    forbidden: /^inference\/(?!server\/http2\/)/,
  },
  {
    name: 'the gRPC of the pod is its own',
    reason: 'only reflection, which is loaded when somebody asks, brings another',
    from: /^inference\/(?!server\/grpc\/reflection\.ts)/,
    forbidden: /^@grpc\/(grpc-js|reflection)/,
  },
  {
    name: 'nobody imports a main.ts',
    reason: 'it starts a process',
    from: /./,
    forbidden: /(^|\/)main\.ts$/,
  },
  {
    name: 'what ships does not import tests or scripts',
    reason: 'they are not in the image',
    from: /^(control-plane|inference|filters)\//,
    forbidden: /^(test|scripts)\//,
  },
];

const SPECIFIER = /\bfrom '([^'\n]+)';|\bimport\('([^'\n]+)'\)|^import '([^'\n]+)';/gm;

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(SPECIFIER)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    if (!specifier.startsWith('.')) return specifier;
    return path.posix.join(path.posix.dirname(file), specifier);
  });
}

function violations(rule: Rule, file: string): string[] {
  if (!rule.from.test(file)) return [];
  const folder = `${path.posix.dirname(file)}/`;
  return importsOf(file)
    .filter((target) => rule.forbidden.test(target) && !rule.allowed?.test(target))
    .filter((target) => !rule.ownFolder || !target.startsWith(folder))
    .map((target) => `${file} imports ${target}`);
}

const files = globSync('{filters,control-plane,inference,test,scripts}/**/*.ts', {
  cwd: root,
}).map((file) => file.replaceAll(path.sep, '/'));

test('there are sources to check', () => {
  assert.ok(files.some((file) => importsOf(file).length > 0));
});

for (const rule of RULES) {
  test(`${rule.name}, because ${rule.reason}`, () => {
    assert.deepEqual(
      files.flatMap((file) => violations(rule, file)),
      [],
    );
  });
}

test('the top level holds only the folders of the design', () => {
  const known = new Set(
    'filters control-plane inference test scripts docs deploy examples node_modules dist'.split(
      ' ',
    ),
  );
  const folders = globSync('*/', { cwd: root }).map((name) => name.replace(/[/\\]$/, ''));
  assert.deepEqual(
    folders.filter((name) => !known.has(name) && !name.startsWith('.')),
    [],
  );
});
