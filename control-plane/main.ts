#!/usr/bin/env node
/** The command line: one file per command. */
import { Command } from 'commander';
import { checkCommand } from './cli/check/index.ts';
import { evalCommand } from './cli/eval/index.ts';
import { explainCommand } from './cli/explain.ts';
import { exportCommand } from './cli/export.ts';
import { CommandFailure } from './cli/failure.ts';
import { inferCommand } from './cli/infer/index.ts';
import { injectCommand } from './cli/inject.ts';
import { optimizeCommand } from './cli/optimize/index.ts';
import { quickstartCommand } from './cli/quickstart/index.ts';
import { serveCommand } from './cli/serve.ts';
import { statusCommand } from './cli/status.ts';
import { uninjectCommand } from './cli/uninject.ts';
import { uninstallCommand } from './cli/uninstall.ts';
import { validateCommand } from './cli/validate.ts';
import { VERSION } from './cli/version.ts';
import { webhookCommand } from './cli/webhook.ts';

const program = new Command('modelweir')
  .description('Makes a service mesh understand models.')
  .version(VERSION)
  .addCommand(quickstartCommand())
  .addCommand(serveCommand())
  .addCommand(validateCommand())
  .addCommand(explainCommand())
  .addCommand(exportCommand())
  .addCommand(statusCommand())
  .addCommand(injectCommand())
  .addCommand(uninjectCommand())
  .addCommand(webhookCommand())
  .addCommand(checkCommand())
  .addCommand(uninstallCommand())
  .addCommand(inferCommand())
  .addCommand(evalCommand())
  .addCommand(optimizeCommand());

for (const command of [program, ...program.commands]) {
  // Whoever calls the command wrongly gets 2, as for a folder that is missing.
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommandFailure)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
