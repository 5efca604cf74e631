import type { BundleOptions } from "../kernel/exposures/bundle.js";
import type { Row } from "../oracle/rows/row.js";

/** A container that is started, entered and ended by runc, again and again. */
export interface RuncScenario {
  readonly name: string;
  readonly options: BundleOptions;
  /**
   * Rules whose findings of high and above are true of it: what its documented exception spares, or whoever runs it has
   * to spare. They are printed as excepted; see docs/benign.md.
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
