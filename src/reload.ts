/** Configuration and rules are exchanged while the agent runs: read, checked, tried, and only then used. */
import { setTimeout } from "node:timers/promises";
import type { Config } from "./config/config.js";
import { differences } from "./config/differences.js";
import type { LoadedConfig } from "./config/load.js";
import { describeError, KeyholeError } from "./errors.js";
import type { LoadedRules } from "./exposures/rule-loader.js";
import { describeProblem } from "./exposures/rule-problems.js";
import type { RuleSet } from "./exposures/rule-set.js";
import { testing } from "./exposures/rule-tests.js";
import { inSlices } from "./exposures/slices.js";
import type { Logger } from "./log.js";

export interface ReloadOptions {
  /** The configuration that the agent was started with. */
  readonly config: Config;
  /** Reads the configuration from where it was read at the start. Rejects with KEYHOLE_CONFIG. */
  readonly load: () => Promise<LoadedConfig>;
  /** Reads the rules that a configuration speaks of. */
  readonly rulesOf: (config: Config) => Promise<LoadedRules>;
  /** Judges what runs by `rules` without telling anybody; throws what they throw. Returns how many containers it looked at. */
  readonly tryOut: (rules: RuleSet) => number;
  readonly use: (rules: LoadedRules) => void;
  readonly tell: (event: {
    readonly state: "reloaded" | "reload-failed";
    readonly [detail: string]: unknown;
  }) => void;
  readonly log: Logger;
}

/** How the last attempt went. */
export interface ReloadState {
  readonly succeeded: number;
  readonly failed: number;
  /** Seconds since 1970 of the last one that succeeded; 0: none did. */
  readonly lastSuccess: number;
  /** What is wrong with what is there now; null when it is in use. */
  readonly problem: string | null;
}

/** Between two attempts, in milliseconds. */
const PAUSE_MS = 1_000;

/** On failure everything stays as it was, and the log, an event, a metric and /readyz say so. */
export class Reload {
  readonly #options: ReloadOptions;
  #config: Config;
  #state: ReloadState = { succeeded: 0, failed: 0, lastSuccess: 0, problem: null };
  #running: Promise<void> | null = null;
  #again = false;
  #notBefore = 0;

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  get state(): ReloadState {
    return this.#state;
  }

  /** Reloads because of `reason`. While that goes on already, it is done once more after. */
  async request(reason: string): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#untilQuiet(reason);
    try {
      await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #untilQuiet(reason: string): Promise<void> {
    do {
      // reading rules takes longer than anything else that the agent does
      await setTimeout(Math.max(0, this.#notBefore - performance.now()), undefined, { ref: false });
      this.#again = false;
      await this.#attempt(reason);
      this.#notBefore = performance.now() + PAUSE_MS;
    } while (this.#again);
  }

  async #attempt(reason: string): Promise<void> {
    const { load, rulesOf, tryOut, use, tell, log } = this.#options;
    try {
      const { config } = await load();
      const loaded = await rulesOf(config);
      await requireGood(loaded);
      const tried = tryOut(loaded.rules);
      const { live, restart } = differences(this.#config, config);
      // The rules' files may be others although no key is.
      use(loaded);
      log.setLevel(config.log.level);
      this.#config = {
        ...this.#config,
        rules: config.rules,
        log: { ...this.#config.log, level: config.log.level },
      };
      const { succeeded } = this.#state;
      const lastSuccess = Date.now() / 1000;
      this.#state = { ...this.#state, succeeded: succeeded + 1, lastSuccess, problem: null };
      log.info("reloaded", { reason, changed: live, tried });
      if (restart.length > 0)
        log.warn("some of what changed counts from the next start on", { keys: restart });
      tell({ state: "reloaded", reason, changed: live, needs_restart: restart });
    } catch (error) {
      const problem = error instanceof KeyholeError ? describeError(error) : String(error);
      this.#state = { ...this.#state, failed: this.#state.failed + 1, problem };
      log.error("the configuration or the rules cannot be used; the old ones stay", { reason, problem });
      tell({ state: "reload-failed", reason, problem });
    }
  }
}

/** At the start a file that is wrong is left out; here what was good before is better. */
async function requireGood({ problems, omitted, data, exceptions }: LoadedRules): Promise<void> {
  const tested = await inSlices(testing(data, exceptions));
  const failed = tested.failed.map(({ where, of, name, expected, found }) => {
    return { where, what: `the test "${name}" of ${of} fails`, expected, found };
  });
  const all = [...problems, ...failed];
  if (all.length === 0) return;
  const told = all.slice(0, TOLD_PROBLEMS).map(describeProblem);
  const more = all.length - told.length + omitted;
  throw new KeyholeError("there are mistakes in files of rules", {
    code: "KEYHOLE_RULE_FILES",
    found: [...told, ...(more > 0 ? [`${more} more`] : [])].join("\n            "),
    hint: "keyhole rules check, keyhole rules test",
  });
}

/** Mistakes that one message names. */
const TOLD_PROBLEMS = 10;
