/** A compiled configuration of one cluster's rewriter: its backends, each with its names encoded once. */
import { COMPARE_NOTHING, RewriterConfig, RewriterTarget } from '../contract/rewriter-config.ts';
import { ServedName } from '../wire/served-name.ts';

export class TargetProgram {
  /** As its endpoints say it, `namespace/backend`. */
  readonly name: string;
  readonly variant: string;
  readonly served: ServedName;
  /** Of counters: whose attempts and answers they count. */
  readonly labels: string;

  constructor(route: string, target: RewriterTarget) {
    this.name = target.name;
    this.variant = target.variant;
    this.served = new ServedName(target.servedModel, target.servedVersion);
    this.labels = ';route=' + route + ';variant=' + target.variant;
  }
}

export class RewriterProgram {
  config: RewriterConfig = new RewriterConfig();
  targets: TargetProgram[] = [];

  /** Nothing is to be done with any request: there is no configuration yet, or it is disabled. */
  get idle(): boolean {
    return this.config.disabled || this.targets.length == 0;
  }

  /** Whether attempts may go to another variant than the one that was chosen. */
  get fallsBack(): boolean {
    return this.targets.length > 1 && !this.config.shadow;
  }

  /** Whether a request remembers its attempts; that of a copy has no caller to tell. */
  get notesAttempts(): boolean {
    return this.config.noteAttempts && !this.config.shadow;
  }

  /** Whether answers are looked at, be it their headers only. */
  get hearsAnswers(): boolean {
    return this.notesAttempts || this.fallsBack || this.readsAnswers;
  }

  /** Whether answers get the public name back; that of a copy goes nowhere. */
  get restores(): boolean {
    return this.config.publicModel && !this.config.shadow;
  }

  /** Whether anybody wants to know what is in an answer. */
  get readsAnswers(): boolean {
    const config = this.config;
    return this.restores || config.countTokens || config.compare != COMPARE_NOTHING;
  }

  /** The target of this name; null: the cluster has none such. */
  find(name: string): TargetProgram | null {
    for (let i = 0; i < this.targets.length; i++) {
      if (this.targets[i].name == name) return this.targets[i];
    }
    return null;
  }
}

export function compileRewriter(config: RewriterConfig): RewriterProgram {
  const program = new RewriterProgram();
  program.config = config;
  for (let i = 0; i < config.targets.length; i++) {
    program.targets.push(new TargetProgram(config.route, config.targets[i]));
  }
  return program;
}
