import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Instruction, readStages } from "./dockerfile.js";
import { isIgnored, readPatterns } from "./dockerignore.js";
import { ROOT } from "./manifests.js";

const stages = readStages();
const [build, image] = stages;
const ignore = readPatterns(readFileSync(join(ROOT, ".dockerignore"), "utf8"));
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  version: string;
  license: string;
  files: string[];
  bin: { keyhole: string };
  scripts: { start: string };
};

/** What the COPY instructions of a stage take from the build context. */
function sources(stage: readonly Instruction[]): string[] {
  return stage
    .filter(({ name, words }) => name === "COPY" && !words[0]!.startsWith("--"))
    .flatMap(({ words }) => words.slice(0, -1));
}

/** What the image takes from the stage before, relative to its working directory. */
function copied(): string[] {
  return image!
    .filter(({ name, words }) => name === "COPY" && words[0] === "--from=build")
    .map(({ words }) => words[1]!.replace(/^\/src\//, ""));
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));
}

function only(stage: readonly Instruction[], name: string): Instruction {
  const [first, ...others] = stage.filter((instruction) => instruction.name === name);
  assert.deepEqual(others, [], name);
  return first!;
}

describe("the Dockerfile", () => {
  it("copies what exists and is in the build context", () => {
    assert.equal(stages.length, 2);
    const all = stages.flatMap(sources);
    assert.ok(all.length > 0);
    for (const source of all) {
      const path = source.replace(/\/$/, "");
      assert.ok(existsSync(join(ROOT, path)), path);
      assert.equal(isIgnored(ignore, path), false, path);
    }
    for (const path of [...filesBelow("src"), ...filesBelow("bpf"), ...filesBelow("packages/libbpf/src")]) {
      assert.equal(isIgnored(ignore, path), false, path);
    }
  });

  it("leaves all else out of the build context", () => {
    const given = new Set(stages.flatMap(sources).map((source) => source.split("/")[0]));
    for (const name of [...readdirSync(ROOT), ".git", "node_modules", "dist"]) {
      assert.equal(isIgnored(ignore, name), !given.has(name), name);
    }
    for (const path of [
      "packages/libbpf/dist/index.js",
      "packages/libbpf-linux-x64/lib/libbpf.so",
      "src/x/node_modules/y",
    ])
      assert.ok(isIgnored(ignore, path), path);
  });

  it("installs without dev dependencies before the image copies them", () => {
    const runs = build!.filter(({ name }) => name === "RUN").map(({ text }) => text);
    assert.ok(runs.some((text) => text.startsWith("npm ci --ignore-scripts")));
    assert.ok(runs.some((text) => text.startsWith("npm run build")));
    assert.ok(runs.some((text) => text.startsWith("npm ci --omit=dev --ignore-scripts")));
    const script = runs.find((text) => text.includes("build-platform.js"))?.split(" ")[1];
    assert.ok(existsSync(join(ROOT, script!)), script);
  });

  it("has an image with all that the package has, and what that needs", () => {
    const folders = copied();
    const all = [...folders, ...sources(image!)];
    for (const file of manifest.files)
      assert.ok(
        all.some((folder) => file === folder || file.startsWith(`${folder}/`)),
        file,
      );
    assert.deepEqual(folders.sort(), [
      "bpf",
      "dist",
      "node_modules",
      "packages",
      "src/exposures/catalogue",
      "src/exposures/rules/*.yaml",
    ]);
    assert.deepEqual(sources(image!).sort(), ["LICENSE", "LICENSES", "NOTICE", "package.json"]);
  });

  it("starts the program of the package, as root, with `run`", () => {
    const entry = JSON.parse(only(image!, "ENTRYPOINT").text) as string[];
    assert.equal(entry[0], "/nodejs/bin/node");
    // as `npm start` runs it
    const start = /exec node (.+) run$/.exec(manifest.scripts.start)?.[1];
    assert.equal(entry.slice(1).join(" "), start);
    assert.equal(entry.at(-1), manifest.bin.keyhole);
    assert.ok(statSync(join(ROOT, manifest.bin.keyhole)).isFile(), "built");
    assert.deepEqual(JSON.parse(only(image!, "CMD").text), ["run"]);
    assert.equal(only(image!, "USER").text, "0:0");
  });

  it("is labelled with the version of the package", () => {
    const { text } = only(image!, "LABEL");
    assert.match(text, new RegExp(`image\\.version="${manifest.version.replaceAll(".", "\\.")}"`));
    assert.ok(text.includes(`image.licenses="${manifest.license} `));
  });

  it("is based on one release of Debian and one of Node.js", () => {
    const bases = [build!, image!].map((stage) => stage[0]!.words[0]);
    assert.deepEqual(bases, ["node:24-bookworm", "gcr.io/distroless/nodejs24-debian12"]);
  });
});
