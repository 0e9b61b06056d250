/**
 * The chain's machine traps, and a fresh one takes its place with the next request. The splitter's filter
 * is disabled, so no request brings its configuration back: the machines share it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../harness/until.ts';
import { typeStatus } from '../xds/served-mesh.ts';
import { type TrappingMesh, trappingMesh } from './trapping-mesh.ts';

const TRAPS = 5;

async function allOn(mesh: TrappingMesh, variant: string): Promise<void> {
  await until(`all workers choose ${variant}`, async () =>
    (await mesh.recovered()).every((name) => name === variant),
  );
}

async function machines({ envoy }: TrappingMesh): Promise<number> {
  const [count] = (await envoy.stats(/^wasm\.wasm_vm_count$/)).values();
  assert.ok(count !== undefined);
  return count;
}

for (const workers of [1, 2]) {
  const where = workers === 1 ? 'one worker' : `${workers} workers`;
  const all = (variant: string): readonly string[] => new Array<string>(workers).fill(variant);

  test(`${where}: after each trap a fresh machine serves, though no configuration came`, async (t) => {
    const mesh = await trappingMesh(t, { workers });
    for (let i = 0; i < TRAPS; i++) {
      await mesh.trap();
      assert.deepEqual(await mesh.recovered(), all('a'), `after trap ${i}`);
    }
    const stats = await mesh.envoy.stats(/^wasm\.modelweir\.router\.vm_reload_success$/);
    assert.deepEqual([...stats.values()], [TRAPS * workers], 'each worker lost its machine');
  });

  test(`${where}: a fresh machine has the weights of the last update`, async (t) => {
    const mesh = await trappingMesh(t, { workers });
    for (const variant of ['b', 'a', 'b']) {
      await mesh.moveTo(variant);
      await allOn(mesh, variant);
      await mesh.trap();
      assert.deepEqual(await mesh.recovered(), all(variant));
    }
  });

  test(`${where}: an update after a trap is taken, whether it comes before a request or after`, async (t) => {
    const mesh = await trappingMesh(t, { workers });
    await mesh.trap();
    await mesh.moveTo('b');
    await allOn(mesh, 'b');
    await mesh.moveTo('a');
    await allOn(mesh, 'a');
    await mesh.trap();
    assert.deepEqual(await mesh.recovered(), all('a'));
    await mesh.moveTo('b');
    await allOn(mesh, 'b');
    await mesh.trap();
    assert.deepEqual(await mesh.recovered(), all('b'));
  });

  test(`${where}: dead machines do not pile up`, async (t) => {
    const mesh = await trappingMesh(t, { workers });
    const before = await machines(mesh);
    for (let i = 0; i < TRAPS; i++) {
      await mesh.trap();
      await mesh.recovered();
    }
    // The splitter's filter keeps the machine that it was made in, until its next configuration.
    assert.ok((await machines(mesh)) <= before + workers, `${before}, ${await machines(mesh)}`);
    await mesh.moveTo('b');
    await until('the dead have gone', async () => (await machines(mesh)) <= before);
  });
}

test('a fresh machine does not take up what the splitter has refused', async (t) => {
  const mesh = await trappingMesh(t, { workers: 1 });
  mesh.publishMove('b', (set) => ({
    ...set,
    extensions: set.extensions.map((item) => {
      const { typedConfig } = item;
      if (item.name !== 'modelweir.splitter' || typedConfig === undefined) return item;
      return { ...item, typedConfig: { ...typedConfig, value: fromTheFuture(typedConfig.value) } };
    }),
  }));
  await mesh.proxyWhen((proxy) => typeStatus(proxy, 'extension').nacks.length > 0);
  await mesh.trap();
  assert.deepEqual(await mesh.recovered(), ['a']);
});

/** The same with a version that no filter knows; as long as before, as the message says its length. */
function fromTheFuture(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(message).toString('latin1');
  const changed = text.replace(/"version":\d/, '"version":9');
  assert.notEqual(changed, text);
  return new Uint8Array(Buffer.from(changed, 'latin1'));
}
