import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import type { KeyholeEvent, Unnumbered } from "../../src/event.js";
import { neutralise, quoted, word } from "../../src/publish/neutral.js";
import { Publisher } from "../../src/publish/publisher.js";
import { formatLine } from "../../src/publish/terminal.js";
import { finding, setns, started } from "./fixtures/events.js";

function plain(event: Unnumbered<KeyholeEvent>, width?: number): string {
  const numbered = new Publisher({ node: "n" }).publish(event);
  return formatLine(numbered, { color: false, ...(width !== undefined && { width }) });
}

test("a crossing shows who, the call with its arguments, the result, the target and the namespaces", () => {
  assert.equal(
    plain(setns()),
    "11:05:22.370  call      nsenter[812] - setns(fd=3, nstype=CLONE_NEWNS|CLONE_NEWPID) = 0" +
      "  on pid 21121 nginx in shop/web/app  mnt 4026531841 → 4026532180  host-to-container",
  );
});

test("strings are quoted, structures in braces, cut ones marked, failures named", () => {
  const { changed, target, direction, ...call } = setns();
  assert.equal(
    plain({
      ...call,
      syscall: "mount",
      args: { source: 'pr"oc', target: "/a b", filesystemtype: null, mountflags: [], data: "x" },
      truncated: ["data"],
      ret: -16,
      errno: "EBUSY",
      container: { id: "abc", runtime: null, name: null, image: null, pod: null },
    }),
    '11:05:22.370  failed    nsenter[812] abc mount(source="pr\\"oc", target="/a b", filesystemtype=null,' +
      ' mountflags=0, data="x"…) = EBUSY',
  );
  assert.match(
    plain({
      ...call,
      syscall: "clone3",
      args: { cl_args: { flags: ["CLONE_NEWNS"], stack: "0x7f00" }, size: 88 },
    }),
    /clone3\(cl_args=\{flags=CLONE_NEWNS, stack=0x7f00\}, size=88\) = 0$/,
  );
  assert.match(plain({ ...call, ret: null, outcome: { seccomp: "kill" } }), / = \? seccomp kill$/);
  assert.match(plain({ ...call, ret: null }), / = \? never returned$/);
});

test("every kind of target has its form", () => {
  const on = (target: NonNullable<ReturnType<typeof setns>["target"]>) => plain(setns({ target }));
  assert.match(on({ via: "nsfs", type: "mnt", inum: 7, id: null }), / on mnt:\[7\] /);
  assert.match(
    on({ via: "fscontext", fs_type: "proc", purpose: "mount", user_ns: 1 }),
    / on fs context proc /,
  );
  assert.match(on({ via: "mount", fs_type: "proc", dev: "0:51" }), / on mount proc 0:51 /);
  assert.match(on({ via: "other", magic: "0x9fa0", fs_type: "proc" }), / on file of proc /);
  assert.match(on({ via: "other", magic: "0x9fa0", fs_type: null }), / on file of 0x9fa0 /);
});

test("a finding says its severity, where, why and what to do", () => {
  assert.equal(
    plain(finding()),
    [
      "11:05:23.000  CRITICAL  proc-unmasked nothing of /proc is masked  0123456789ab",
      "                        - /proc/kcore is not masked   findmnt -N 21121 /proc/kcore",
      "                        - root in it is root on the host",
      "                        fix: remove --security-opt systempaths=unconfined",
    ].join("\n"),
  );
  assert.equal(
    plain(finding({ state: "resolved", reason: "container gone", count: 3 })),
    "11:05:23.000  resolved  proc-unmasked nothing of /proc is masked  0123456789ab ×3  (container gone)",
  );
});

test("losses and the agent's own states are lines as well", () => {
  assert.equal(
    plain({ time: "2026-11-22T11:05:22.1Z", type: "lost", reason: "ring-full", count: 12 }),
    "11:05:22.100  LOST      12 events (ring-full)",
  );
  assert.equal(plain(started()), "11:05:22.000  agent     started attach=tracepoint programs=4");
});

test("where it is narrow arguments are shortened first, and the result and the changes are seen", () => {
  const event = setns({
    args: { fd: 3, nstype: ["CLONE_NEWNS", "CLONE_NEWUTS", "CLONE_NEWIPC", "CLONE_NEWNET"] },
  });
  const line = (width: number) => plain(event, width);
  const whole = plain(event);
  assert.equal(line(whole.length), whole);
  assert.equal(
    line(160),
    "11:05:22.370  call      nsenter[812] - setns(fd=3, nstype=CLONE_NEWNS|…) = 0" +
      "  on pid 21121 nginx in shop/web/app  mnt 4026531841 → 4026532180  host-to-container",
  );
  assert.equal(
    line(120),
    "11:05:22.370  call      nsenter[812] - setns(fd=3, nstype=CLONE_NE…) = 0" +
      "  mnt 4026531841 → 4026532180  host-to-container",
  );
  assert.equal(line(80), "11:05:22.370  call      nsenter[812] - setns(fd=3,…) = 0  mnt  host-to-container");
  for (let width = 30; width <= whole.length; width++)
    assert.ok([...line(width)].length <= width, `${width}`);
  for (let width = 80; width <= whole.length; width++)
    assert.match(line(width), /\) = 0 .* mnt .*host-to-container$/);
});

test("the reason of a failure comes last, and is the first to be cut", () => {
  const { changed, target, direction, ...call } = setns();
  const event = { ...call, ret: -9, errno: "EBADF", reason: "fd is not an open descriptor", changed: {} };
  const whole = plain(event);
  assert.match(whole, / = EBADF {2}fd is not an open descriptor$/);
  assert.match(
    plain(event, whole.length - 5),
    /nstype=CLONE_NEWNS\|CLONE_NEWPID\) = EBADF {2}fd is not an open desc…$/,
  );
  assert.match(plain(event, 70), /nstype=CL…\) = EBADF$/);
});

test("a crossing from nobody knows where says so", () => {
  assert.match(plain(setns({ changed: null, direction: "unknown" })), / in shop\/web\/app {2}from \?$/);
  assert.match(plain(setns({ changed: {}, direction: "same" })), / in shop\/web\/app$/);
});

test("the first line is cut at the width, colours do not count", () => {
  const event = new Publisher({ node: "n" }).publish(setns());
  const line = formatLine(event, { color: false, width: 40 });
  assert.equal([...line].length, 40);
  assert.ok(line.endsWith("…"));
  assert.equal(stripVTControlCharacters(formatLine(event, { color: true, width: 40 })), line);
});

test("colours change nothing but the colours", () => {
  for (const event of [setns(), finding(), started()]) {
    const numbered = new Publisher({ node: "n" }).publish(event as Unnumbered<KeyholeEvent>);
    const colored = formatLine(numbered, { color: true });
    assert.match(colored, /\x1b\[/);
    assert.equal(stripVTControlCharacters(colored), formatLine(numbered, { color: false }));
  }
});

/** What must never reach a terminal, as a definition of its own: by code point, not by Unicode property. */
function dangerous(text: string): string | undefined {
  return [...text].find((character) => {
    const code = character.codePointAt(0)!;
    return (
      code < 0x20 ||
      (code >= 0x7f && code <= 0x9f) ||
      code === 0x00ad ||
      code === 0x061c ||
      (code >= 0x200b && code <= 0x200f) ||
      (code >= 0x2028 && code <= 0x202e) ||
      (code >= 0x2060 && code <= 0x206f) ||
      (code >= 0xd800 && code <= 0xdfff) ||
      (code >= 0xfe00 && code <= 0xfe0f) ||
      code === 0xfeff ||
      (code >= 0xe0000 && code <= 0xe0fff)
    );
  });
}

const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    "\x1b[2J",
    "\x9b2J",
    "\u202e",
    "a\nb",
    "\r",
    "\x1b]0;t\x07",
    "\ud800",
    "\u{e0041}",
    "\ufe0f",
    "]",
  ),
);

test("no text of a traced process gets a control character, an escape or a bidi override through", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      for (const shown of [neutralise(text), quoted(text), word(text)])
        assert.equal(dangerous(shown), undefined);
      const lines = [
        plain(
          setns({
            args: { source: text, data: [text], attr: { [text]: text } },
            process: { ...setns().process, comm: text },
            container: {
              id: text,
              runtime: null,
              name: text,
              image: text,
              pod: { uid: null, namespace: text, name: text },
            },
            target: { via: "mount", fs_type: text, dev: "0:1" },
          }),
        ),
        ...plain(
          finding({ title: text, reason: text, remediation: text, evidence: [{ fact: text, check: text }] }),
        ).split("\n", 3),
        plain({ ...started(), [`a${text}`]: text, deep: { [text]: text } }),
      ];
      for (const line of lines) assert.equal(dangerous(line), undefined);
    }),
  );
});

test("different texts stay different", () => {
  fc.assert(
    fc.property(hostile, hostile, (a, b) => {
      assert.equal(neutralise(a) === neutralise(b), a === b);
    }),
  );
  assert.equal(neutralise("a\\x1b\x1b\u202e"), "a\\\\x1b\\x1b\\u{202e}");
});

test("a comm cannot pass for more than a word", () => {
  assert.match(
    plain(setns({ process: { ...setns().process, comm: "sh[1] = 0" } })),
    / "sh\[1\] = 0"\[812\] /,
  );
  assert.equal(word(""), '""');
});
