import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ModuleOptions, openModules } from '../../../control-plane/cli/module-source.ts';
import { folderWith, modelweir } from './command.ts';

const MODULES = { 'chain.wasm': 'chain', 'batcher.wasm': 'batcher', 'rewriter.wasm': 'rewriter' };
const HTTP: Omit<ModuleOptions, 'modules'> = {
  moduleSource: 'http',
  moduleUrl: undefined,
  modulePort: 0,
  previousModules: undefined,
};

async function opened(t: TestContext, options: Partial<ModuleOptions> = {}) {
  const source = await openModules(
    { ...HTTP, modules: folderWith(t, MODULES), ...options },
    '127.0.0.1',
  );
  t.after(() => source.close());
  return source;
}

test('by default Envoy reads files, and nothing listens', async (t) => {
  const { modules, moduleServer } = await opened(t, { moduleSource: 'file' });
  assert.equal(moduleServer, null);
  assert.equal(modules.chain.url, undefined);
  assert.match(modules.chain.path, /chain\.wasm$/);
});

test('by HTTP each module is at its hash', async (t) => {
  const { modules } = await opened(t);
  for (const [name, module] of Object.entries(modules)) {
    const answer = await fetch(module.url ?? '');
    assert.equal(await answer.text(), name);
  }
});

test('Envoy is told where it reaches the control plane, not where that listens', async (t) => {
  const moduleUrl = new URL('http://control-plane.modelweir-system:80');
  const { modules, moduleServer } = await opened(t, { moduleUrl });
  assert.deepEqual(moduleServer, { host: 'control-plane.modelweir-system', port: 80 });
  assert.match(modules.chain.url ?? '', /^http:\/\/control-plane\.modelweir-system\/modules\//);
});

test('modules of the release before are served beside those of this one', async (t) => {
  const previousModules = join(folderWith(t, {}), 'before');
  mkdirSync(previousModules);
  writeFileSync(join(previousModules, 'chain.wasm'), 'the chain before');
  const before = await opened(t, {
    modules: folderWith(t, { ...MODULES, 'chain.wasm': 'the chain before' }),
  });
  const { pathname } = new URL(before.modules.chain.url ?? '');
  const { modules } = await opened(t, { previousModules });
  const answer = await fetch(new URL(pathname, modules.chain.url));
  assert.equal(await answer.text(), 'the chain before');
});

test('an address that nobody can fetch from is refused', async (t) => {
  const options = { ...HTTP, modules: folderWith(t, MODULES) };
  await assert.rejects(openModules(options, '0.0.0.0'), /give --module-url/);
});

test('options that mean nothing without a server, and URLs that lead elsewhere, are refused', async (t) => {
  const folder = folderWith(t, MODULES);
  const config = folderWith(t, {});
  const serve = ['serve', '--config', config, '--modules', folder];
  for (const [args, message] of [
    [['--module-url', 'http://a:1'], /--module-url goes with --module-source http/],
    [['--module-source', 'http', '--module-url', 'https://a'], /must be like http:/],
    [['--module-source', 'http', '--module-url', 'http://a/path'], /must be like http:/],
    [['--module-source', 'http', '--previous-modules', '/nowhere'], /correct --previous-modules/],
  ] as const) {
    const { code, stderr } = await modelweir(...serve, ...args);
    assert.notEqual(code, 0);
    assert.match(stderr, message);
  }
});
