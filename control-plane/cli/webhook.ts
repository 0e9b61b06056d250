/** `modelweir webhook`: prints the objects that let a cluster call the webhook, as in `deploy/webhook.yaml`. */
import { Command } from 'commander';
import { stringify } from 'yaml';
import { webhookObjects } from '../inject/webhook-configuration.ts';
import { port, revision } from './options.ts';

interface Options {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly revision: string | undefined;
  readonly targetPort: number;
}

const HEADER = '# Written by modelweir webhook. Docs: docs/injection.md\n';
const SELECTOR = {
  'app.kubernetes.io/name': 'modelweir',
  'app.kubernetes.io/component': 'control-plane',
};

export function webhookCommand(): Command {
  return new Command('webhook')
    .description('Prints Service, rights and webhook configuration for injection, as YAML.')
    .option('--namespace <name>', 'where the control plane runs', 'modelweir-system')
    .option('--service-account <name>', 'what it runs as', 'modelweir')
    .option('--revision <name>', 'for serve --inject-revision (default: the one without)', revision)
    .option('--target-port <port>', 'of serve --inject-port', port, 18003)
    .action(printObjects);
}

function printObjects(options: Options): void {
  const objects = webhookObjects({
    ...options,
    revision: options.revision ?? null,
    selector:
      options.revision === undefined
        ? SELECTOR
        : { ...SELECTOR, 'modelweir.dev/rev': options.revision },
  });
  const texts = objects.map((object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  process.stdout.write(HEADER + texts.join('---\n'));
}
