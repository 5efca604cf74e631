import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Mount } from "../../../src/kernel/mountinfo.js";

/** A mount as plain text, one character a byte, without escapes. */
export interface Row {
  readonly ids: string;
  readonly dev: string;
  readonly root: string;
  readonly point: string;
  readonly options: string;
  readonly propagation: string;
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: string;
}

/** /proc/PID/mountinfo, taken apart in the simplest way. */
export function rowsOf(pid: number): Row[] {
  return parseRows(readFileSync(`/proc/${pid}/mountinfo`, "latin1"));
}

export function parseRows(text: string): Row[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const words = line.split(" ").map((word) => word.replace(/\\([0-7]{3})/g, unescapeByte));
      const dash = line.split(" ").indexOf("-");
      return {
        ids: `${words[0]} ${words[1]}`,
        dev: words[2]!,
        root: words[3]!,
        point: words[4]!,
        options: words[5]!,
        propagation: words.slice(6, dash).join(" "),
        fsType: words[dash + 1]!,
        source: words[dash + 2]!,
        superOptions: words.slice(dash + 3).join(" "),
      };
    });
}

function unescapeByte(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}

/** What Keyhole made of it, in the same form. */
export function asRow(mount: Mount): Row {
  const { shared, master, propagateFrom, unbindable } = mount.propagation;
  const propagation = [
    shared === undefined ? [] : [`shared:${shared}`],
    master === undefined ? [] : [`master:${master}`],
    propagateFrom === undefined ? [] : [`propagate_from:${propagateFrom}`],
    unbindable === undefined ? [] : ["unbindable"],
  ];
  const bytes = (field: "root" | "point" | "fsType" | "source") =>
    (mount.raw?.[field] ?? Buffer.from(mount[field])).toString("latin1");
  const marked = mount.deleted === true && mount.raw?.root === undefined;
  return {
    ids: `${mount.id} ${mount.parent}`,
    dev: mount.dev,
    root: marked ? `${bytes("root")}//deleted` : bytes("root"),
    point: bytes("point"),
    options: mount.options.join(","),
    propagation: propagation.flat().join(" "),
    fsType: bytes("fsType"),
    source: bytes("source"),
    superOptions: Buffer.from(mount.superOptions.join(",")).toString("latin1"),
  };
}

/** statmount(2) does not tell of a foreign namespace where a mount receives from beyond its master. */
export function withoutPropagateFrom(rows: readonly Row[]): Row[] {
  return rows.map((row) => ({ ...row, propagation: row.propagation.replace(/ ?propagate_from:\d+/, "") }));
}

/** Each mount by itself, so that a difference names it. */
export function assertRows(actual: readonly Mount[], expected: readonly Row[]): void {
  assert.deepEqual(
    actual.map((mount) => `${mount.id} ${mount.point}`),
    expected.map((row) => `${row.ids.split(" ")[0]} ${Buffer.from(row.point, "latin1").toString()}`),
  );
  actual.forEach((mount, at) => {
    assert.deepEqual(asRow(mount), expected[at]);
  });
}
