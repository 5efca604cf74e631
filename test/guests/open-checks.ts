import type { SyscallEvent } from "../../src/event.js";
import { isAtLeast } from "./release.js";
import type { Mode, Observed } from "./results.js";

/** What guest.sh has opens.c do, one after another, with the entry that each is told as; null: it is not told. */
const OPENS: readonly (readonly [how: string, entry: string | null])[] = [
  ...["/proc/meminfo", "/proc/loadavg", "core_pattern to read", "cpu/online", "/proc/self/stat"].map(
    (): readonly [string, null] => ["open", null],
  ),
  ...["open", "openat", "openat2", "creat"].map((how): readonly [string, string] => [how, "core-pattern"]),
  ...["open", "openat", "openat2", "creat"].map((how): readonly [string, string] => [
    `int80-${how}`,
    "core-pattern",
  ]),
  ["proc", null],
  ["open", "core-pattern"],
  ["open", "core-pattern"],
  ["open", "process-environment"],
  ["open", "process-addresses"],
  ["open", "process-facts"],
  ["open", "kcore"],
  ["open", "sysrq-trigger"],
  ["open", "sched-debug"],
  ["open", "scsi"],
  ["open", "timer-list"],
  ["open", "uevent-helper"],
  ["io_uring", "core-pattern"],
];

/** In mode tracepoint no open by io_uring is seen. */
function sees(how: string, mode: Mode): boolean {
  return how !== "io_uring" || mode === "fentry";
}

/** Before 5.12 a thread of the kernel makes it, of no container; in later releases of 5.10 it is one of the caller's. */
function maySee(release: string): boolean {
  return !isAtLeast(release, 5, 12);
}

/** Whether `told` is `expected`, in the same order, but for `unseen` of them at most. */
function isSame(told: readonly string[], expected: readonly string[], unseen: number): boolean {
  let [at, missing] = [0, 0];
  for (const one of expected) {
    if (told[at] === one) at++;
    else missing++;
  }
  return at === told.length && missing <= unseen;
}

type Look = () => readonly string[];

interface Where {
  readonly mode: Mode;
  readonly release: string;
  /** How many opens may not have been told, because the kernel skipped the program that sees them, and that was counted. */
  readonly unseen: number;
}

/** That every file which the guest has and a container opened was told as what it is, and nothing else. */
export function openChecks(
  { opens }: Observed,
  calls: readonly SyscallEvent[],
  { mode, release, unseen }: Where,
): readonly (readonly [name: string, look: Look])[] {
  const results = opens.stdout.split("\n").filter(Boolean);
  const expected = OPENS.flatMap(([how, entry], index): readonly string[] => {
    const [said, ret] = (results[index] ?? "").split(" ");
    if (said !== how || entry === null || Number(ret) < 0 || !sees(how, mode)) return [];
    const call = how === "io_uring" ? "openat2" : how.replace("int80-", "");
    const abi = how.startsWith("int80-") ? "i386" : "x86_64";
    return [`${call} ${abi} ${entry} = ${ret}${how === "io_uring" ? " by io_uring" : ""}`];
  });
  // of the programs of the cases too are some in namespaces of their own
  const told = calls
    .filter(
      ({ process, file }) => process.exe === "/bin/opens" && file !== undefined && file.entry !== "kallsyms",
    )
    .map(
      ({ syscall, abi, file, ret, via }) =>
        `${syscall} ${abi} ${file!.entry} = ${ret}${via === undefined ? "" : ` by ${via}`}`,
    );
  const others = (list: readonly string[]) => list.filter((one) => !one.endsWith(" by io_uring"));
  const isTold =
    isSame(told, expected, unseen) || (maySee(release) && isSame(others(told), others(expected), unseen));
  return [
    [
      "the program did its opens",
      () =>
        results.length === OPENS.length ? [] : [`${opens.stdout}${opens.stderr} status ${opens.status}`],
    ],
    [
      `what a container opened is told: ${expected.length} files`,
      () =>
        isTold && expected.length > 0
          ? []
          : [`expected ${JSON.stringify(expected)}`, `told     ${JSON.stringify(told)}`],
    ],
    [
      "opened files of processes say whose they are",
      () => {
        const ofInit = calls.filter(({ file }) => file?.path.startsWith("/1/") === true);
        return ofInit.length > 0 &&
          ofInit.every(({ file }) => file?.of?.pid === 1 && file.of.container === null)
          ? []
          : [JSON.stringify(ofInit.map(({ file }) => file))];
      },
    ],
  ];
}
