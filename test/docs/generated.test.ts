import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { assertSameKeys, fill } from "../../scripts/docs/page.js";
import { parseConfigText } from "../../src/config/file.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCS = join(ROOT, "docs");
const pages = [
  "README.md",
  ...readdirSync(DOCS)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
].filter((page) => existsSync(join(ROOT, page)));

function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** The code blocks of `language` in a page. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "gm"))].map(
    (match) => match[1]!,
  );
}

/** The anchors that GitHub gives to the headings of a page. */
function anchors(page: string): Set<string> {
  const text = read(page).replace(/^```[\s\S]*?^```/gm, "");
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
      match[1]!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("generated documentation", () => {
  it("is what the source says", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "scripts/docs.ts", "--check"],
      {
        encoding: "utf8",
        cwd: ROOT,
      },
    );
    assert.deepEqual([stderr, status], ["", 0]);
  });

  it("is written between markers, and nowhere else", () => {
    const page = "a\n<!-- BEGIN x (npm run docs) -->\nold\n<!-- END x -->\nb\n";
    const filled = fill(page, (part) => `new ${part}\n`);
    assert.equal(filled, "a\n<!-- BEGIN x (npm run docs) -->\n\nnew x\n\n<!-- END x -->\nb\n");
    assert.equal(
      fill(filled, (part) => `new ${part}`),
      filled,
    );
  });

  it("is refused when a table written by hand has too little or too much", () => {
    assertSameKeys("things", ["a", "b"], ["b", "a"]);
    assert.throws(() => assertSameKeys("things", ["a", "b"], ["a"]), /things without a description: b/);
    assert.throws(
      () => assertSameKeys("things", ["a"], ["a", "b"]),
      /descriptions of things that do not exist: b/,
    );
  });

  it("names a stale page and ends with 1", () => {
    const copy = mkdtempSync(join(tmpdir(), "keyhole-docs-"));
    try {
      for (const name of ["scripts", "docs"]) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
      for (const name of ["src", "packages", "node_modules", "package.json"])
        symlinkSync(join(ROOT, name), join(copy, name));
      const page = join(copy, "docs/metrics.md");
      writeFileSync(page, readFileSync(page, "utf8").replace("keyhole_ready", "keyhole_raedy"));
      const { status, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", "scripts/docs.ts", "--check"],
        { encoding: "utf8", cwd: copy },
      );
      assert.deepEqual([stderr, status], ["docs/metrics.md is stale: run npm run docs\n", 1]);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });
});

describe("links of the documentation", () => {
  for (const page of pages) {
    it(page, () => {
      for (const [, target] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target!)) continue;
        const [path, anchor] = target!.split("#") as [string, string | undefined];
        const file = path === "" ? page : join(dirname(page), path);
        assert.ok(existsSync(join(ROOT, file)), `${target} leads nowhere`);
        if (anchor !== undefined)
          assert.ok(anchors(file).has(anchor), `${target} has no heading of that name`);
      }
    });
  }
});

describe("examples of the documentation", () => {
  it("are valid configurations", async () => {
    const examples = blocks("docs/configuration.md", "yaml");
    assert.equal(examples.length, 1);
    for (const example of examples) {
      const { problems } = await parseConfigText("docs/configuration.md", example);
      assert.deepEqual(problems, []);
    }
  });

  it("are YAML", () => {
    for (const example of blocks("docs/deployment.md", "yaml")) {
      assert.deepEqual(
        parseAllDocuments(example).flatMap((document) => document.errors),
        [],
      );
    }
  });

  it("of events have the fields that are documented", () => {
    const text = read("docs/events.md");
    const examples = blocks("docs/events.md", "json").map(
      (block) => JSON.parse(block) as Record<string, unknown>,
    );
    assert.ok(examples.length > 3);
    for (const example of examples) {
      assert.equal(example.schema, 1);
      for (const name of Object.keys(example)) assert.ok(text.includes(`\`${name}\``), name);
    }
  });
});

it("every field of an event is in docs/events.md", () => {
  const source = read("src/event.ts").replace(/\/\*\*[\s\S]*?\*\//g, "");
  const fields = new Set([...source.matchAll(/\breadonly ([a-z_]+)\??:/g)].map((match) => match[1]!));
  assert.ok(fields.size > 50);
  const text = read("docs/events.md");
  for (const field of fields) assert.ok(new RegExp(`[\`"]${field}[\`"]`).test(text), field);
});
