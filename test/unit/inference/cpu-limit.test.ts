import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { allowedCpus, autoWorkers } from '../../../inference/runtime/cpu-limit.ts';

describe('CPUs that may be used', () => {
  const all = availableParallelism();
  const cases: [string, Record<string, string>, number][] = [
    ['without a limit are all', {}, all],
    ['with cgroup v2 and no limit are all', { '/sys/fs/cgroup/cpu.max': 'max 100000' }, all],
    ['are those of cgroup v2', { '/sys/fs/cgroup/cpu.max': '50000 100000' }, 0.5],
    [
      'are those of cgroup v1',
      {
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '75000',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      },
      0.75,
    ],
    [
      'with cgroup v1 and no limit are all',
      {
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      },
      all,
    ],
    ['are never more than there are', { '/sys/fs/cgroup/cpu.max': '99900000 100000' }, all],
  ];
  for (const [name, files, expected] of cases) {
    test(name, () =>
      assert.equal(
        allowedCpus((file) => files[file] ?? ''),
        expected,
      ),
    );
  }
});

test('workers leave a CPU to the event loop, and are one at least and four at most', () => {
  assert.deepEqual([0.5, 1, 2, 2.9, 4, 64].map(autoWorkers), [1, 1, 1, 1, 3, 4]);
});
