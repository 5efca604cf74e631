/**
 * Runs the tests: node scripts/test.js [FILTER...] [--name PATTERN] [--bare]
 *
 * The unit tests run two files at a time. Those below test/kernel and test/e2e share one kernel, so they run
 * one file at a time. FILTER keeps the files whose path contains one of the words, --name the tests whose
 * name matches. --bare runs the whole suite in a bare Debian root instead (test/e2e/bare-root.suite.ts).
 * The last line is the total of both runs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TEST_FOLDERS = ["test", "packages/libbpf/test"];
const WITH_KERNEL = /^test\/(kernel|e2e)\//;
const BARE = "test/e2e/bare-root.suite.ts";
/** Milliseconds: a hang ends the run instead of the patience of CI. A new Debian root takes minutes. */
const UNIT_TIMEOUT = 120_000;
const KERNEL_TIMEOUT = 900_000;
const BARE_TIMEOUT = 3_600_000;

/** @typedef {{ passed: number, failed: number, skipped: number }} Totals */

/**
 * Every *.test.ts below the folders of tests, relative to the repository's root.
 * @returns {string[]}
 */
function testFiles() {
  return TEST_FOLDERS.filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((path) => path.endsWith(".test.ts"))
    .sort();
}

/**
 * Runs one set of files and returns its totals. A runner that ends without its closing lines counts as one
 * failure.
 * @param {readonly string[]} files
 * @param {readonly string[]} options
 * @returns {Totals}
 */
function runFiles(files, options) {
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  const folder = mkdtempSync(join(tmpdir(), "keyhole-test-"));
  const tap = join(folder, "tap");
  try {
    const { status } = spawnSync(
      process.execPath,
      [
        ...["--import", "tsx", "--test"],
        ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
        ...["--test-reporter=tap", `--test-reporter-destination=${tap}`],
        ...options,
        ...files,
      ],
      { cwd: ROOT, stdio: "inherit" },
    );
    const text = existsSync(tap) ? readFileSync(tap, "utf8") : "";
    /** @param {string} name */
    const count = (name) =>
      Number(
        text
          .match(new RegExp(`^# ${name} (\\d+)$`, "gm"))
          ?.at(-1)
          ?.split(" ")[2] ?? 0,
      );
    const failed = count("fail") + count("cancelled");
    return {
      passed: count("pass"),
      failed: status === 0 ? failed : Math.max(failed, 1),
      skipped: count("skipped") + count("todo"),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { values, positionals } = parseArgs({
  options: { name: { type: "string" }, bare: { type: "boolean", default: false } },
  allowPositionals: true,
});
const chosen = testFiles().filter(
  (path) => positionals.length === 0 || positionals.some((word) => path.includes(word)),
);
if (chosen.length === 0) {
  process.stderr.write(`test: no test file has ${positionals.join(" or ")} in its path\n`);
  process.exit(1);
}
const name = values.name === undefined ? [] : [`--test-name-pattern=${values.name}`];
const alone = ["--test-concurrency=1", ...name];
const runs = values.bare
  ? [runFiles([BARE], [...alone, `--test-timeout=${BARE_TIMEOUT}`])]
  : [
      runFiles(
        chosen.filter((path) => !WITH_KERNEL.test(path)),
        ["--test-concurrency=2", `--test-timeout=${UNIT_TIMEOUT}`, ...name],
      ),
      runFiles(
        chosen.filter((path) => WITH_KERNEL.test(path)),
        [...alone, `--test-timeout=${KERNEL_TIMEOUT}`],
      ),
    ];
/** @param {keyof Totals} key */
const total = (key) => runs.reduce((sum, run) => sum + run[key], 0);
process.stdout.write(`\n${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped\n`);
process.exit(total("failed") === 0 && total("passed") > 0 ? 0 : 1);
