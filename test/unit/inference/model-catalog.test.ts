/** How what is served follows a repository, with real folders, workers and models. */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import {
  factorOf,
  indexOf,
  openRepository,
  POLL_MS,
  Repository,
  until,
} from './catalog-harness.ts';
import { quantisedModel, scalingModel, scalingWeights } from './onnx-writer.ts';
import { submit, valuesOf } from './runner-harness.ts';

describe('what is loaded', () => {
  test('is the highest version, or what the policy says', async (t) => {
    const repository = new Repository(t);
    for (const name of ['plain', 'both', 'one']) {
      for (const version of [1, 2, 10]) {
        repository.write(`${name}/${version}`, scalingModel(version));
      }
    }
    repository.write('both/config.yaml', 'versions: { latest: 2 }');
    repository.write('one/config.yaml', 'versions: { specific: [1] }');
    const { catalog } = await openRepository(t, repository);
    const versions = ['plain', 'both', 'one'].map((name) => catalog.versions(name));
    assert.deepEqual(versions, [['10'], ['2', '10'], ['1']]);
    assert.equal(await factorOf(catalog.find('both')), 10);
    assert.equal(await factorOf(catalog.find('both', '2')), 2);
    assert.equal(catalog.find('both', '1'), undefined);
    assert.match(catalog.refusal('both', '1').message, /has no version "1" here; it has 2, 10/);
    assert.match(catalog.refusal('none').message, /model "none" is not served here/);
  });

  test('may have its weights in a file beside it, in FP16, or in INT8', async (t) => {
    const repository = new Repository(t);
    repository.write('outside/1', scalingModel(3, { file: 'weights.bin' }));
    repository.write('outside/1/weights.bin', Buffer.from(scalingWeights(3).buffer as ArrayBuffer));
    repository.write('half/1', scalingModel(3, { half: true }));
    repository.write('quantised/1', quantisedModel());
    const { catalog } = await openRepository(t, repository);
    assert.equal(await factorOf(catalog.find('outside')), 3);
    assert.equal(await factorOf(catalog.find('quantised')), 2);
    const half = catalog.find('half');
    assert.equal(half?.metadata.inputs[0]?.datatype, 'FP16');
    assert.ok(half);
    // 1 and 3 as FP16.
    const answer = await submit(half.runner, [
      { data: new Uint16Array([0x3c00, 0x3c00]), shape: [1, 2] },
    ]);
    assert.deepEqual(valuesOf(answer), [0x4200, 0x4200]);
  });

  test('must not have weights outside of its folder', async (t) => {
    const repository = new Repository(t);
    repository.write('good/1', scalingModel(1));
    repository.write('secret.bin', Buffer.from(scalingWeights(3).buffer as ArrayBuffer));
    repository.write('climbs/1', scalingModel(3, { file: '../../secret.bin' }));
    const { catalog } = await openRepository(t, repository);
    assert.equal(catalog.find('climbs'), undefined);
    assert.match(catalog.refusal('climbs').message, /External data path.*escapes/);
  });
});

describe('a broken model', () => {
  test('takes nothing from the others, and says why', async (t) => {
    const repository = new Repository(t);
    repository.write('good/1', scalingModel(2));
    repository.write('broken/1', 'no model');
    repository.write('strange/1', scalingModel(2));
    repository.write('strange/config.yaml', 'batching: { maxRow: 2 }');
    const { catalog, events } = await openRepository(t, repository);
    assert.equal(await factorOf(catalog.find('good')), 2);
    assert.equal(catalog.ready, true);
    const [broken, good, strange] = indexOf(catalog);
    assert.match(broken ?? '', /^broken:1 UNAVAILABLE: .*[Pp]rotobuf/);
    assert.equal(good, 'good:1 READY');
    assert.equal(strange, 'strange:1 UNAVAILABLE: config.yaml: batching.maxRow: is no field');
    const refusal = catalog.refusal('broken');
    assert.equal(refusal.code, 'unavailable');
    assert.match(refusal.message, /model "broken", version 1, is not served at present: /);
    assert.deepEqual(events.filter((event) => event.startsWith('failed')).sort(), [
      'failed broken:1',
      'failed strange:1',
    ]);
  });

  test('is a reason not to be ready where all must be', async (t) => {
    const repository = new Repository(t);
    repository.write('good/1', scalingModel(2));
    repository.write('broken/1', 'no model');
    const { catalog } = await openRepository(t, repository, { strictReadiness: true });
    assert.equal(catalog.ready, false);
    repository.write('broken/1', scalingModel(3));
    await until(() => catalog.ready);
    assert.equal(await factorOf(catalog.find('broken')), 3);
  });

  test('is an error if there is no other', async (t) => {
    const repository = new Repository(t);
    repository.write('broken/1', 'no model');
    await assert.rejects(
      openRepository(t, repository),
      /^Error: model broken, version 1 \(.*model\.onnx\): /,
    );
  });

  test('is tried again when it has changed, and not before', async (t) => {
    const repository = new Repository(t);
    repository.write('good/1', scalingModel(2));
    repository.write('broken/1', 'no model');
    const { catalog, events } = await openRepository(t, repository);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS * 5));
    assert.equal(events.filter((event) => event === 'failed broken:1').length, 1);
    repository.write('broken/config.yaml', 'task: tensors');
    await until(() => events.filter((event) => event === 'failed broken:1').length === 2);
    assert.equal(catalog.find('broken'), undefined);
  });
});

describe('a repository that changes', () => {
  test('has a new version served before the old one goes', async (t) => {
    const repository = new Repository(t);
    repository.write('m/1', scalingModel(1));
    const { catalog, events } = await openRepository(t, repository);
    const seen = new Set<unknown>();
    repository.write('m/2', scalingModel(2));
    while (!events.includes('unloaded m:1')) seen.add(await factorOf(catalog.find('m')));
    assert.deepEqual(
      [...seen].filter((each) => each !== 1 && each !== 2),
      [],
    );
    assert.deepEqual(events, ['loaded m:1', 'loaded m:2', 'unloaded m:1']);
    assert.deepEqual(indexOf(catalog), ['m:1 UNAVAILABLE: another version is served', 'm:2 READY']);
  });

  test('keeps the old version while the new one is broken', async (t) => {
    const repository = new Repository(t);
    repository.write('m/1', scalingModel(1));
    const { catalog, events } = await openRepository(t, repository);
    repository.write('m/2', 'no model');
    await until(() => events.includes('failed m:2'));
    assert.equal(await factorOf(catalog.find('m')), 1);
    assert.match(catalog.refusal('m', '2').message, /version 2, is not served at present: /);
    repository.write('m/2', scalingModel(2));
    await until(() => events.includes('unloaded m:1'));
    assert.equal(await factorOf(catalog.find('m')), 2);
  });

  test('has a version served anew whose files have changed, or whose configuration has', async (t) => {
    const repository = new Repository(t);
    repository.write('m/1', scalingModel(1));
    const { catalog } = await openRepository(t, repository);
    const first = catalog.find('m');
    repository.write('m/1', scalingModel(5));
    await until(() => catalog.find('m') !== first);
    assert.equal(await factorOf(catalog.find('m')), 5);
    assert.equal(catalog.find('m')?.runner.maxBatchRows, 4);
    repository.write('m/config.yaml', 'batching: { maxRows: 9 }');
    await until(() => catalog.find('m')?.runner.maxBatchRows === 9);
  });

  test('keeps what is served when what replaces it is broken', async (t) => {
    const repository = new Repository(t);
    repository.write('m/1', scalingModel(1));
    const { catalog, events } = await openRepository(t, repository);
    repository.write('m/1', 'no model');
    await until(() => events.includes('failed m:1'));
    assert.equal(await factorOf(catalog.find('m')), 1);
    assert.match(indexOf(catalog)[0] ?? '', /^m:1 READY: it is served from older files, because: /);
  });

  test('has models that come and go', async (t) => {
    const repository = new Repository(t);
    repository.write('a/1', scalingModel(1));
    const { catalog, events } = await openRepository(t, repository);
    repository.write('new/1', scalingModel(2));
    renameSync(path.join(repository.folder, 'new'), path.join(repository.folder, 'b'));
    await until(() => catalog.find('b') !== undefined);
    repository.remove('a');
    await until(() => events.includes('unloaded a:1'));
    assert.deepEqual(indexOf(catalog), ['b:1 READY']);
    assert.equal(catalog.refusal('a').code, 'not-found');
  });

  test('is looked at again after it could not be', async (t) => {
    const repository = new Repository(t);
    repository.write('r/a/1/model.onnx', scalingModel(1));
    const inner = { ...repository, folder: path.join(repository.folder, 'r') } as Repository;
    const { catalog, events } = await openRepository(t, inner);
    renameSync(inner.folder, `${inner.folder}.away`);
    await until(() => events.some((event) => event.startsWith('poll failed: ENOENT')));
    assert.equal(await factorOf(catalog.find('a')), 1);
    renameSync(`${inner.folder}.away`, inner.folder);
    repository.write('r/b/1/model.onnx', scalingModel(2));
    await until(() => catalog.find('b') !== undefined);
  });

  test('changes nothing where it is not polled', async (t) => {
    const repository = new Repository(t);
    repository.write('a/1', scalingModel(1));
    const { catalog } = await openRepository(t, repository, { modelControl: 'none' });
    repository.write('b/1', scalingModel(2));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS * 3));
    assert.deepEqual(indexOf(catalog), ['a:1 READY']);
    await assert.rejects(catalog.load('b'), /not loaded and unloaded by request here/);
  });
});

describe('requests in flight', () => {
  test('finish on the version that they were sent to', async (t) => {
    const repository = new Repository(t);
    repository.write('m/1', scalingModel(1));
    const { catalog, events } = await openRepository(t, repository);
    const old = catalog.find('m');
    assert.ok(old);
    // As while a body is on its way.
    old.hold();
    repository.write('m/2', scalingModel(2));
    await until(() => catalog.find('m', '2') !== undefined);
    assert.equal(catalog.find('m', '1'), undefined);
    assert.equal(await factorOf(old), 1);
    assert.equal(events.includes('unloaded m:1'), false);
    old.release();
    await until(() => events.includes('unloaded m:1'));
    assert.equal(await factorOf(old), 'unavailable');
  });

  test('are waited for when the catalog is closed', async (t) => {
    const repository = new Repository(t);
    repository.write('m/1', scalingModel(1));
    const { catalog } = await openRepository(t, repository);
    const model = catalog.find('m');
    const answers = Array.from({ length: 16 }, () => factorOf(model));
    await catalog.close();
    assert.deepEqual(new Set(await Promise.all(answers)), new Set([1]));
  });
});

describe('models by request', () => {
  test('are loaded, loaded anew and unloaded', async (t) => {
    const repository = new Repository(t);
    repository.write('a/1', scalingModel(1));
    repository.write('b/1', scalingModel(2));
    const { catalog, events } = await openRepository(t, repository, { modelControl: 'explicit' });
    assert.equal(catalog.ready, true);
    assert.deepEqual(indexOf(catalog), ['a:1 UNAVAILABLE: unloaded', 'b:1 UNAVAILABLE: unloaded']);
    await catalog.load('a');
    assert.equal(await factorOf(catalog.find('a')), 1);
    const before = catalog.find('a');
    await catalog.load('a');
    assert.equal(catalog.find('a'), before, 'nothing has changed');
    repository.write('a/2', scalingModel(7));
    await catalog.load('a');
    assert.equal(await factorOf(catalog.find('a')), 7);
    await catalog.unload('a');
    assert.equal(catalog.find('a'), undefined);
    assert.equal(catalog.ready, true);
    assert.ok(events.includes('unloaded a:2'));
    await catalog.load('a');
    assert.equal(await factorOf(catalog.find('a')), 7);
  });

  test('are only those that were named at the start', async (t) => {
    const repository = new Repository(t);
    repository.write('a/1', scalingModel(1));
    repository.write('b/1', scalingModel(2));
    const { catalog } = await openRepository(t, repository, {
      modelControl: 'explicit',
      models: ['b'],
    });
    assert.deepEqual(indexOf(catalog), ['b:1 READY', 'a:1 UNAVAILABLE: unloaded']);
  });

  test('that are broken or unknown are refused, and what is served stays', async (t) => {
    const repository = new Repository(t);
    repository.write('a/1', scalingModel(1));
    const { catalog } = await openRepository(t, repository, { modelControl: 'explicit' });
    await catalog.load('a');
    repository.write('a/2', 'no model');
    await assert.rejects(catalog.load('a'), /failed to load "a": .*[Pp]rotobuf/);
    assert.equal(await factorOf(catalog.find('a')), 1);
    for (const name of ['nope', '../a', '']) {
      await assert.rejects(catalog.load(name), /the repository has no such model/);
      await assert.rejects(catalog.unload(name), /it was never loaded/);
    }
  });
});

test('a change waits for its turn, and listeners hear of every change', async (t) => {
  const repository = new Repository(t);
  repository.write('a/1', scalingModel(1));
  const { catalog } = await openRepository(t, repository, { modelControl: 'explicit' });
  const states: string[] = [];
  catalog.onChange(() => states.push(indexOf(catalog)[0] ?? ''));
  await catalog.load('a');
  await Promise.all([catalog.unload('a'), catalog.load('a')]);
  assert.equal(await factorOf(catalog.find('a')), 1);
  assert.deepEqual(
    [...new Set(states)],
    ['a:1 LOADING', 'a:1 READY', 'a:1 UNLOADING: unloaded', 'a:1 UNAVAILABLE: unloaded'],
  );
});
