/**
 * `modelweir quickstart`: a whole mesh on this machine, with traffic to look at. Owns processes, ports
 * and what is shown; it must not know how the control plane, the filters or the pods do their work.
 */
import { Command, InvalidArgumentError } from 'commander';
import { port } from '../options.ts';
import { DEFAULT_PORT, type QuickstartOptions } from './options.ts';

type Parsed = Partial<Omit<QuickstartOptions, 'port'>> & Pick<QuickstartOptions, 'port'>;

export function quickstartCommand(): Command {
  return new Command('quickstart')
    .description('Runs two inference pods, the control plane and an Envoy, and sends them traffic.')
    .option('--port <port>', 'where Envoy takes model traffic', listenPort, DEFAULT_PORT)
    .option('--admin-port <port>', "Envoy's admin (default: any free one)", port)
    .option('--xds-port <port>', 'the control plane, for Envoy (default: any free one)', port)
    .option('--status-port <port>', "the control plane's /status (default: any free one)", port)
    .option('--pod-port-a <port>', 'first pod (default: what examples/quickstart names)', port)
    .option('--pod-port-b <port>', 'second pod (default: what examples/quickstart names)', port)
    .option('--check', 'assert on what was seen, and exit')
    .option('--verbose', 'print what the processes log')
    .action(quickstart);
}

async function quickstart(parsed: Parsed): Promise<void> {
  // Loaded here, so that the other commands start without it.
  const { run } = await import('./run.ts');
  await run({
    port: parsed.port,
    adminPort: parsed.adminPort ?? null,
    xdsPort: parsed.xdsPort ?? null,
    statusPort: parsed.statusPort ?? null,
    podPortA: parsed.podPortA ?? null,
    podPortB: parsed.podPortB ?? null,
    check: parsed.check ?? false,
    verbose: parsed.verbose ?? false,
  });
}

/** Clients must know it, so it cannot be any. */
function listenPort(text: string): number {
  const value = port(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('must be a port from 1 to 65535');
}
