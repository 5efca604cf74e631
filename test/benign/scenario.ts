import type { BundleOptions } from "../kernel/exposures/bundle.js";
import type { Row } from "../oracle/rows/row.js";

/** A container that is started, entered and ended by runc, again and again. */
export interface RuncScenario {
  readonly name: string;
  readonly options: BundleOptions;
  /**
   * Rules whose findings of high and above its documented exception spares; see docs/benign.md. They are printed as
   * excepted.
   */
  readonly excepted?: readonly string[];
}

/** A tool and what it is run for. */
export interface ToolScenario {
  readonly tool: string;
  readonly rows: readonly Row[];
  /** How a row is run in an empty folder; null where the tool is not to be had, and why. */
  readonly command: ((row: Row, folder: string) => readonly string[]) | null;
  readonly missing?: string;
}
