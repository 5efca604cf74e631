import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** What `docker build` would put into the image's configuration. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
}

/** Writes to `file` what `docker save` writes of an image called `reference` whose only layer is `rootfs`. */
export async function saveImage(
  file: string,
  reference: string,
  rootfs: string,
  config: ImageConfig,
): Promise<void> {
  const directory = `${file}.d`;
  mkdirSync(directory);
  const layer = join(directory, "layer.tar");
  execFileSync("tar", [
    "--create",
    "--numeric-owner",
    "--owner=0",
    "--group=0",
    `--file=${layer}`,
    "-C",
    rootfs,
    ".",
  ]);
  const digest = createHash("sha256");
  await pipeline(createReadStream(layer), digest);
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  writeFileSync(
    join(directory, "config.json"),
    JSON.stringify({
      architecture,
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: [`sha256:${digest.digest("hex")}`] },
    }),
  );
  writeFileSync(
    join(directory, "manifest.json"),
    JSON.stringify([{ Config: "config.json", RepoTags: [reference], Layers: ["layer.tar"] }]),
  );
  execFileSync("tar", [
    "--create",
    `--file=${file}`,
    "-C",
    directory,
    "manifest.json",
    "config.json",
    "layer.tar",
  ]);
  rmSync(directory, { recursive: true });
}
