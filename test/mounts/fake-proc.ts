import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostPath } from "../../src/kernel/host-path.js";
import type { MountNs } from "../../src/mounts/mount-tables.js";

/** No kernel has given out so many ids: what is asked by one is not there. */
const NO_ID = 9_007_199_254_740_000;

/** A folder that looks like the /proc of a node, as far as mount tables are read from it. */
export class FakeProc {
  readonly #root = mkdtempSync(join(tmpdir(), "keyhole-proc-"));
  readonly host = new HostPath(this.#root);

  /** Makes process `pid` in mount namespace `ns`, or changes what it has. */
  process(pid: number, ns: number, lines: readonly string[], root = "/"): void {
    mkdirSync(this.#path(pid, "ns"), { recursive: true });
    this.#link(this.#path(pid, "ns", "mnt"), `mnt:[${ns}]`);
    this.#link(this.#path(pid, "root"), root);
    writeFileSync(this.#path(pid, "mountinfo"), lines.map((line) => `${line}\n`).join(""));
  }

  /** One that may be looked at, but not read. */
  unreadable(pid: number, ns: number): void {
    this.process(pid, ns, []);
    unlinkSync(this.#path(pid, "mountinfo"));
    mkdirSync(this.#path(pid, "mountinfo"));
  }

  end(pid: number): void {
    rmSync(this.#path(pid), { recursive: true });
  }

  remove(): void {
    rmSync(this.#root, { recursive: true });
  }

  #path(pid: number, ...parts: readonly string[]): string {
    return join(this.#root, "proc", String(pid), ...parts);
  }

  #link(path: string, to: string): void {
    rmSync(path, { force: true });
    symlinkSync(to, path);
  }
}

/** Mount namespace `ns` with process `pid`, if any, in it. */
export function mountNs(ns: number, pid: number | readonly number[], event: number | null): MountNs {
  const pids = typeof pid === "number" ? [pid] : pid;
  return { ns, id: String(NO_ID + ns), pids, event: event === null ? null : BigInt(event) };
}
