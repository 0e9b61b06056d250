/** Sends traffic for chosen destinations to the proxy, by rules of the pod's own network. */

import { REDIRECT_CONTAINER } from './names.ts';
import type { Container } from './pod.ts';
import { PROXY_USER } from './proxy-options.ts';

const MAX_TARGETS = 64;
const TARGET =
  /^(?:\[(?<six>[0-9a-f:]+)\]|(?<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)):(?<port>\d{1,5})$/i;

/** Of `models.shop:80, 10.0.0.7:8080, [fd00::7]:80`. @throws {Error} saying what is no destination. */
export function redirectTargets(text: string): readonly string[] {
  const targets = text
    .split(',')
    .map((target) => target.trim())
    .filter((target) => target !== '');
  for (const target of targets) {
    const { port } = TARGET.exec(target)?.groups ?? {};
    if (port !== undefined && Number(port) > 0 && Number(port) < 65536) continue;
    throw new Error(`${JSON.stringify(target)} is no HOST:PORT`);
  }
  if (targets.length > MAX_TARGETS) throw new Error(`more than ${MAX_TARGETS} destinations`);
  return targets;
}

/**
 * A destination that cannot be resolved is said and left alone: the pod must start. The chain is emptied first,
 * because init containers run again when a pod's network is made anew. What the proxy itself sends is not
 * redirected.
 */
const SCRIPT = `
port=$1; user=$2; shift 2
prepare() {
  "$1" -t nat -N MODELWEIR 2>/dev/null || "$1" -t nat -F MODELWEIR || return 1
  "$1" -t nat -C OUTPUT -p tcp -j MODELWEIR 2>/dev/null || "$1" -t nat -A OUTPUT -p tcp -j MODELWEIR
  "$1" -t nat -A MODELWEIR -m owner --uid-owner "$user" -j RETURN
}
redirect() {
  "$1" -t nat -A MODELWEIR -p tcp -d "$2" --dport "$3" -j REDIRECT --to-ports "$port"
}
prepare iptables || exit 1
six=yes; prepare ip6tables || six=no
for target in "$@"; do
  host=\${target%:*}; to=\${target##*:}
  case $host in
    \\[*) host=\${host#?}; redirect ip6tables "\${host%?}" "$to" ;;
    *) redirect iptables "$host" "$to" ;;
  esac || echo "not redirected: $target"
done
exit 0
`.trim();

/** Needs the capability NET_ADMIN, which Pod Security allows to nobody below \`privileged\`. */
export function redirectContainer(
  image: string,
  listenPort: number,
  targets: readonly string[],
): Container {
  return {
    name: REDIRECT_CONTAINER,
    image,
    command: ['/bin/sh', '-c', SCRIPT, 'redirect'],
    args: [String(listenPort), String(PROXY_USER), ...targets],
    resources: {
      requests: { cpu: '10m', memory: '16Mi' },
      limits: { cpu: '100m', memory: '64Mi' },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      runAsGroup: 0,
      runAsNonRoot: false,
      runAsUser: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}
