import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("programs/", import.meta.url));
/** What bpf_tracing.h of libbpf calls the architecture, and where Debian keeps its asm/ headers. */
const TARGET = process.arch === "arm64" ? "arm64" : "x86";
const MULTIARCH = `/usr/include/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;

export interface Programs {
  readonly folder: string;
  readonly caller: string;
  readonly tally: string;
  readonly latency: string;
  /** The minimal tracer and its BPF object, or why there is none. */
  readonly consumer: { readonly program: string; readonly object: string } | { readonly missing: string };
}

let built: Programs | undefined;
const others = new Map<string, string>();

/** Another program, of `folder` seen from bench/programs, compiled once. Throws with the compiler's words. */
export function compileProgram(name: string, folder = ""): string {
  let program = others.get(name);
  if (program === undefined) {
    program = join(programs().folder, name);
    run("gcc", ["-O2", "-Wall", "-o", program, join(SOURCES, folder, `${name}.c`)]);
    others.set(name, program);
  }
  return program;
}

/** bench/programs, compiled once; removed when the process ends. Throws with the compiler's words. */
export function programs(): Programs {
  built ??= build();
  return built;
}

function build(): Programs {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const missing = missingTool("gcc");
  if (missing) throw new Error("the benchmarks need gcc: apt-get install gcc libc6-dev");
  const compile = (name: string, libraries: readonly string[] = []) => {
    const program = join(folder, name);
    run("gcc", ["-O2", "-Wall", "-o", program, join(SOURCES, `${name}.c`), ...libraries]);
    return program;
  };
  const [caller, tally, latency] = ["caller", "tally", "latency"].map((name) => compile(name));
  return {
    folder,
    caller: caller!,
    tally: tally!,
    latency: latency!,
    consumer: buildConsumer(folder, compile),
  };
}

function buildConsumer(
  folder: string,
  compile: (name: string, libraries: readonly string[]) => string,
): Programs["consumer"] {
  const object = join(folder, "consumer.bpf.o");
  try {
    run("clang", [
      ...["-target", "bpf", "-mcpu=v2", "-O2", "-g", `-D__TARGET_ARCH_${TARGET}`, "-idirafter", MULTIARCH],
      ...["-c", join(SOURCES, "consumer.bpf.c"), "-o", object],
    ]);
    return { program: compile("consumer", ["-lbpf", "-lelf", "-lz"]), object };
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    return { missing: `${reason}: apt-get install clang gcc libbpf-dev libelf-dev zlib1g-dev` };
  }
}

/** Whether `name` cannot be started. */
export function missingTool(name: string): boolean {
  return versionOf(name) === null;
}

/** The first line that `name --version` prints, null where it cannot be started. */
export function versionOf(name: string): string | null {
  try {
    const text = execFileSync(name, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text.trim().split("\n")[0] ?? "";
  } catch {
    return null;
  }
}

function run(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw new Error(`${command} is not installed`);
    const words = (stderr ?? "").split("\n").find((line) => /error|cannot/.test(line));
    throw new Error(`${command}: ${words ?? "failed"}`);
  }
}
