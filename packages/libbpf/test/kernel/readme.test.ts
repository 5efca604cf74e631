import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));
const readme = readFileSync(join(repository, "packages/libbpf/README.md"), "utf8");
const directory = mkdtempSync(join(tmpdir(), "libbpf-readme-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function block(language: string): string {
  const code = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readme)?.[1];
  assert.ok(code !== undefined, `README.md has no ${language} block`);
  return code;
}

test("the README's example prints what is executed", { timeout: 60_000 }, async () => {
  writeFileSync(join(directory, "exec.bpf.c"), block("c"));
  const compile = /clang .*exec\.bpf\.o/.exec(readme)?.[0] ?? "";
  execFileSync("sh", ["-c", compile], { cwd: directory });
  const index = join(repository, "packages/libbpf/src/index.ts");
  writeFileSync(join(directory, "exec.mts"), block("js").replace("@keyhole/libbpf", index));

  const tsx = join(repository, "node_modules/tsx/dist/loader.mjs");
  const child = spawn(process.execPath, ["--import", tsx, join(directory, "exec.mts")], { cwd: directory });
  const exited = once(child, "exit");
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  child.stderr.pipe(process.stderr);
  // It says nothing when it is ready, so execute until it has seen one.
  const seen: number[] = [];
  while (!seen.some((pid) => printed.includes(`${pid} printenv\n`)) && child.exitCode === null) {
    const executed = spawn("printenv", { stdio: "ignore" });
    seen.push(executed.pid ?? 0);
    await once(executed, "exit");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGINT");
  assert.deepEqual(await exited, [0, null]);
});
