import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { type Instruction, readStages } from "../../deploy/dockerfile.js";
import { isIgnored, readPatterns } from "../../deploy/dockerignore.js";
import { ROOT } from "../../deploy/manifests.js";
import type { ImageConfig } from "./image.js";

/** Instructions that say something of the image and leave its files alone. */
const METADATA: ReadonlySet<string> = new Set([
  "FROM",
  "LABEL",
  "EXPOSE",
  "USER",
  "ENV",
  "ENTRYPOINT",
  "CMD",
]);

/**
 * Stands for the package managers of the first stage, so that nothing is downloaded: what they would install is taken from
 * this repository's node_modules, and from this system.
 */
const NPM = `#!/bin/sh
case "$*" in
"ci --ignore-scripts") cp --archive --link "$KEYHOLE_ROOT/node_modules" . 2>/dev/null || exec cp --archive "$KEYHOLE_ROOT/node_modules" . ;;
"ci --omit=dev --ignore-scripts")
  mv node_modules all && mkdir node_modules
  for path in $KEYHOLE_PRODUCTION; do mkdir -p "$(dirname "$path")" && mv "all/\${path#node_modules/}" "$path" || exit 1; done
  exec rm -r all ;;
ci*) echo "npm $*: not known here" >&2; exit 1 ;;
*) exec "$KEYHOLE_NPM" "$@" ;;
esac
`;

/** What a container is made of that runs the image. */
export interface Built {
  readonly rootfs: string;
  readonly config: ImageConfig;
}

/**
 * Does what the Dockerfile says in `directory`, on this system: with its node and what that is linked to in the place of the
 * base images. Throws with what a command wrote when it fails.
 */
export function buildImage(directory: string): Built {
  const [build, image] = readStages();
  const stage = join(directory, "build");
  const rootfs = join(directory, "image");
  for (const root of [stage, rootfs]) mkdirSync(root);
  const environment = withTools(directory);
  runStage(build!, stage, null, environment);
  layBase(rootfs);
  runStage(image!, rootfs, stage, environment);
  rmSync(stage, { recursive: true });
  return { rootfs, config: configOf(image!) };
}

function runStage(
  stage: readonly Instruction[],
  root: string,
  from: string | null,
  environment: NodeJS.ProcessEnv,
): void {
  let workdir = "/";
  for (const { name, words, text } of stage) {
    if (METADATA.has(name)) continue;
    switch (name) {
      case "WORKDIR":
        workdir = words[0]!;
        mkdirSync(join(root, workdir), { recursive: true });
        break;
      case "COPY":
        copy(words, join(root, workdir), from);
        break;
      case "RUN":
        run(text, join(root, workdir), environment);
        break;
      default:
        throw new Error(`the Dockerfile has ${name}, which is not known here`);
    }
  }
}

function copy(words: readonly string[], workdir: string, from: string | null): void {
  const isFromStage = words[0] === "--from=build";
  const sources = words.slice(isFromStage ? 1 : 0, -1);
  const target = join(workdir, words.at(-1)!);
  const patterns = readPatterns(readFileSync(join(ROOT, ".dockerignore"), "utf8"));
  for (const source of sources.flatMap((one) => expand(one, isFromStage ? from! : ROOT))) {
    const isInto = words.at(-1)!.endsWith("/");
    cpSync(source, isInto ? join(target, posix.basename(source)) : target, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => {
        const name = relative(ROOT, path).split(sep).join("/");
        return isFromStage || name === "" || !isIgnored(patterns, name);
      },
    });
  }
}

/** The files that a source of COPY stands for: the shell knows its wildcards. */
function expand(source: string, root: string): string[] {
  const list = execFileSync(
    "sh",
    ["-c", `cd "$1" && printf '%s\\n' ${source.replace(/^\//, "")}`, "sh", root],
    {
      encoding: "utf8",
    },
  );
  return list
    .trim()
    .split("\n")
    .map((path) => join(root, path));
}

function run(command: string, cwd: string, environment: NodeJS.ProcessEnv): void {
  execFileSync("sh", ["-e", "-c", command], {
    cwd,
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** The environment in which the first stage finds {@link NPM} in the place of npm. */
function withTools(directory: string): NodeJS.ProcessEnv {
  const tools = join(directory, "tools");
  mkdirSync(tools);
  for (const [name, text] of [
    ["npm", NPM],
    ["apt-get", "#!/bin/sh\n"],
  ] as const)
    writeFileSync(join(tools, name), text, { mode: 0o755 });
  const production = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return {
    ...process.env,
    PATH: `${tools}:${process.env.PATH}`,
    KEYHOLE_ROOT: ROOT,
    KEYHOLE_NPM: execFileSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim(),
    KEYHOLE_PRODUCTION: production
      .trim()
      .split("\n")
      .map((path) => relative(ROOT, path))
      .filter((path) => path !== "")
      .join(" "),
  };
}

/** What the base of the last stage has: Node.js, the libraries that it needs, and root. */
function layBase(rootfs: string): void {
  const put = (path: string, target = path): void => {
    mkdirSync(join(rootfs, dirname(target)), { recursive: true });
    cpSync(realpathSync(path), join(rootfs, target));
  };
  put(process.execPath, "/nodejs/bin/node");
  const linked = execFileSync("ldd", [process.execPath], { encoding: "utf8" });
  for (const [, path] of linked.matchAll(/(\/\S+) \(0x/g)) put(path!);
  mkdirSync(join(rootfs, "etc"), { recursive: true });
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/sbin/nologin\n");
  mkdirSync(join(rootfs, "tmp"));
}

function configOf(image: readonly Instruction[]): ImageConfig {
  const textOf = (name: string) => image.find((one) => one.name === name)!.text;
  return {
    Entrypoint: JSON.parse(textOf("ENTRYPOINT")) as string[],
    Cmd: JSON.parse(textOf("CMD")) as string[],
    Env: [textOf("ENV")],
    User: textOf("USER"),
    WorkingDir: textOf("WORKDIR"),
  };
}
