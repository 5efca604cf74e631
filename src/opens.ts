/** What the agent sees of the files that containers open: which, since when, and which not. */
import { release } from "node:os";
import type { Attachment } from "./capture/attach.js";
import type { Capture } from "./capture/capture.js";
import { MAX_BINARIES } from "./capture/opens.js";
import type { Config } from "./config/config.js";
import { KeyholeError } from "./errors.js";
import type { OpenedEntries } from "./exposures/opened-entries.js";
import type { HostPath } from "./kernel/host-path.js";
import { LINK_INDEX } from "./kernel/links.js";
import { readAnchors } from "./namespaces/anchors.js";

/** Of the attach modes, where opens are seen and what is not seen there. */
export const OPENS_SEEN = {
  tracepoint: "at the return of the calls; those by io_uring are not seen",
  fentry: "where files get their descriptors, those by io_uring among them",
} as const;

const PROGRAMS = { tracepoint: "call_returned", fentry: "file_opened" } as const;

/** Inode numbers of the host's namespaces, as {@link Capture.start} wants them. */
export function hostNamespaces(host: HostPath): { readonly mnt: number; readonly pid: number } {
  const anchors = readAnchors(host).host;
  return { mnt: anchors[LINK_INDEX.mnt]!, pid: anchors[LINK_INDEX.pid]! };
}

export class Opens {
  readonly #asked: Config["opens"];
  readonly #mode: Attachment["mode"];
  readonly #missing: string | null;
  #isWatching = false;
  /** Programs of runtimes that the kernel has no room to look for. */
  #unwatched = 0;

  /** Throws KEYHOLE_OPENS where they are asked for with `on` and cannot be seen. */
  constructor(asked: Config["opens"], { mode, reports }: Pick<Attachment, "mode" | "reports">) {
    this.#asked = asked;
    this.#mode = mode;
    const report = reports.find(({ program }) => program === PROGRAMS[mode]);
    this.#missing = report?.attached === true ? null : (report?.detail ?? "there is no program for it");
    if (asked !== "on" || this.#missing === null) return;
    throw new KeyholeError("the files that containers open cannot be seen here", {
      code: "KEYHOLE_OPENS",
      expected: "a kernel that takes the program for it",
      found: this.#missing,
      hint: "use --opens auto, which does without where it must, or --attach tracepoint",
      exitCode: 3,
    });
  }

  /** For the first event of the agent. */
  get facts(): { readonly seen: boolean; readonly detail: string } {
    return { seen: this.#isSeen, detail: this.#isSeen ? OPENS_SEEN[this.#mode] : this.detail };
  }

  /** Whether what was asked for is there. */
  get isReady(): boolean {
    return this.#asked === "off" || this.#isWatching;
  }

  get detail(): string {
    if (this.#asked === "off") return "not told: opens are off in the configuration";
    if (this.#missing !== null) return `not seen: ${this.#missing}`;
    if (!this.#isWatching) return "the catalogue has not been read yet";
    const rest = this.#unwatched > 0 ? `; ${this.#unwatched} programs of runtimes are not looked for` : "";
    return `seen ${OPENS_SEEN[this.#mode]}${rest}`;
  }

  /**
   * Reads the catalogue and has the kernel look for what it has. Null where nothing is looked for. Throws
   * KEYHOLE_CATALOGUE. Reading it takes as long as all else until the first event.
   */
  async watch(capture: Capture, host: HostPath): Promise<OpenedEntries | null> {
    if (!this.#isSeen) return null;
    const [{ catalogue }, { OpenedEntries }, { runtimeBinaries }] = await Promise.all([
      import("./exposures/catalogue.js"),
      import("./exposures/opened-entries.js"),
      import("./workloads/runtime-binaries.js"),
    ]);
    const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
    const entries = new OpenedEntries(catalogue(), [major, minor]);
    const binaries = runtimeBinaries(host);
    capture.watchOpens({ patterns: entries.patterns, binaries });
    this.#unwatched = Math.max(0, binaries.length - MAX_BINARIES);
    this.#isWatching = true;
    return entries;
  }

  get #isSeen(): boolean {
    return this.#asked !== "off" && this.#missing === null;
  }
}
