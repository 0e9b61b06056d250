/** The Envoy that a pod gets, and the redirection in front of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NAMESPACES, PROXY_RESOURCES, REDIRECT } from '../../../control-plane/inject/names.ts';
import type { Container, Pod } from '../../../control-plane/inject/pod.ts';
import { redirectTargets } from '../../../control-plane/inject/redirect.ts';
import { sidecar } from '../../../control-plane/inject/sidecar.ts';
import { PROXY, pod } from './pods.ts';

function containers(of: Pod, options = PROXY): readonly Container[] {
  return sidecar(of, options).additions.initContainers as readonly Container[];
}

function proxyOf(of: Pod): Container {
  const [proxy] = containers(of);
  assert.ok(proxy);
  return proxy;
}

function bootstrapOf(of: Pod) {
  const [flag, text] = proxyOf(of)['args'] as string[];
  assert.equal(flag, '--config-yaml');
  return JSON.parse(text ?? '');
}

test('it is a native sidecar that Pod Security lets into a restricted namespace', () => {
  const [proxy, ...others] = containers(pod());
  assert.deepEqual(others, []);
  assert.equal(proxy?.['restartPolicy'], 'Always');
  assert.deepEqual(proxy?.['securityContext'], {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsGroup: 1337,
    runAsNonRoot: true,
    runAsUser: 1337,
    seccompProfile: { type: 'RuntimeDefault' },
  });
});

test('its node says which pod it is, and asks for the routes of its own namespace', () => {
  assert.deepEqual(bootstrapOf(pod({ labels: { app: 'web' } })).node, {
    id: '$(POD_NAME).$(POD_NAMESPACE)',
    cluster: '$(POD_NAMESPACE)',
    metadata: {
      namespace: '$(POD_NAMESPACE)',
      labels: { app: 'web' },
      'modelweir.namespaces': ['$(POD_NAMESPACE)'],
    },
  });
});

test('it asks for the routes of the namespaces that the pod names, or of all', () => {
  const named = (text: string) =>
    bootstrapOf(pod({ annotations: { [NAMESPACES]: text } })).node.metadata['modelweir.namespaces'];
  assert.deepEqual(named('shop, ml'), ['shop', 'ml']);
  assert.equal(named('*'), undefined);
  assert.throws(() => named('Shop'), /"Shop" is not a namespace/);
});

test('without certificates it mounts nothing', () => {
  const { additions } = sidecar(pod(), { ...PROXY, certificates: { from: 'none' } });
  assert.deepEqual(additions.volumes, []);
  assert.deepEqual(additions.annotations, {});
});

test("cert-manager's driver gives each pod its SPIFFE identity", () => {
  const certificates = { from: 'csi', issuer: 'mesh', kind: 'Issuer', trustDomain: 'a.b' } as const;
  const [volume] = sidecar(pod(), { ...PROXY, certificates }).additions.volumes;
  assert.ok(volume);
  const { volumeAttributes } = volume['csi'] as { volumeAttributes: Record<string, string> };
  assert.equal(
    volumeAttributes['csi.cert-manager.io/uri-sans'],
    `spiffe://a.b/ns/\${POD_NAMESPACE}/sa/\${SERVICE_ACCOUNT_NAME}`,
  );
});

test('a pod may say how much its proxy gets', () => {
  const { resources } = proxyOf(pod({ annotations: { [PROXY_RESOURCES.cpu]: '250m' } }));
  assert.equal((resources as { requests: { cpu: string } }).requests.cpu, '250m');
  const wrong = pod({ annotations: { [PROXY_RESOURCES.memory]: 'much' } });
  assert.throws(() => sidecar(wrong, PROXY), /"much" is not a quantity/);
});

test('a pod that uses a port of the proxy is warned, and one that uses its names refused', () => {
  const busy = pod({}, { containers: [{ name: 'web', ports: [{ containerPort: 8080 }] }] });
  assert.deepEqual(sidecar(busy, PROXY).warnings, ['web uses port 8080, which its proxy needs']);
  const named = pod({}, { containers: [{ name: 'modelweir-proxy' }] });
  assert.throws(() => sidecar(named, PROXY), /already has something called modelweir-proxy/);
});

test('redirection is for the destinations that are named, and needs an image', () => {
  const of = pod({ annotations: { [REDIRECT]: 'models.shop:80' } });
  assert.deepEqual(
    containers(of).map(({ name }) => name),
    ['modelweir-redirect', 'modelweir-proxy'],
  );
  const { additions, warnings } = sidecar(of, { ...PROXY, redirectImage: null });
  assert.deepEqual(
    additions.initContainers.map(({ name }) => name),
    ['modelweir-proxy'],
  );
  assert.match(warnings.join(), /without effect/);
});

test('destinations are hosts and ports, and nothing that a shell or iptables would take for more', () => {
  const good = ['models.shop:80', '10.0.0.7:8080', '[fd00::7]:80'];
  assert.deepEqual(redirectTargets(good.join(' , ')), good);
  assert.deepEqual(redirectTargets(''), []);
  for (const bad of [
    'models.shop',
    'a b:80',
    '-j:80',
    '$(id):80',
    'a:0',
    'a:65536',
    '!a:80',
    'a/8:80',
  ]) {
    assert.throws(() => redirectTargets(bad), /is no HOST:PORT/, bad);
  }
});

test('the rules spare what the proxy sends, and a destination that is not known spares the rest', (t) => {
  const of = pod({ annotations: { [REDIRECT]: 'unknown.shop:80,models.shop:80,[fd00::7]:8080' } });
  const [redirect] = containers(of);
  const { status, rules, output } = runWithFakeIptables(t, redirect as Container);
  assert.equal(status, 0);
  assert.match(output, /not redirected: unknown.shop:80/);
  const table = (program: string, ...rest: string[]) => `${program} -t nat ${rest.join(' ')}`;
  const prepared = (program: string) => [
    table(program, '-N MODELWEIR'),
    table(program, '-C OUTPUT -p tcp -j MODELWEIR'),
    table(program, '-A OUTPUT -p tcp -j MODELWEIR'),
    table(program, '-A MODELWEIR -m owner --uid-owner 1337 -j RETURN'),
  ];
  const rule = (host: string, port: number) =>
    `-A MODELWEIR -p tcp -d ${host} --dport ${port} -j REDIRECT --to-ports 8080`;
  assert.deepEqual(rules, [
    ...prepared('iptables'),
    ...prepared('ip6tables'),
    table('iptables', rule('unknown.shop', 80)),
    table('iptables', rule('models.shop', 80)),
    table('ip6tables', rule('fd00::7', 8080)),
  ]);
});

/** Programs of that name that write down how they are called: rules need rights that tests do not have. */
function runWithFakeIptables(t: TestContext, { command, args }: Container) {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-redirect-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const log = join(folder, 'log');
  const script = [
    '#!/bin/sh',
    `echo "$(basename "$0") $*" >> ${log}`,
    'case "$*" in *" -C "*|*unknown*) exit 1;; esac',
  ];
  for (const name of ['iptables', 'ip6tables']) {
    writeFileSync(join(folder, name), script.join('\n'));
    chmodSync(join(folder, name), 0o755);
  }
  const [program = '', ...first] = command as string[];
  const run = spawnSync(program, [...first, ...(args as string[])], {
    env: { PATH: `${folder}:${process.env['PATH']}` },
    encoding: 'utf8',
  });
  const rules = readFileSync(log, 'utf8').trimEnd().split('\n');
  return { status: run.status, rules, output: run.stdout };
}
