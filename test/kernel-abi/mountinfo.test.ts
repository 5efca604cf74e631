import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { KeyholeError } from "../../src/errors.js";
import { HostPath } from "../../src/kernel/host-path.js";
import { MountWords } from "../../src/kernel/mount-words.js";
import { type Mount, parseMountinfo, readMountinfo, unescapeOctal } from "../../src/kernel/mountinfo.js";

function parse(text: string): Mount[] {
  return parseMountinfo(Buffer.from(text, "latin1"));
}

test("reads the line of the man page", () => {
  assert.deepEqual(
    parse("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"),
    [
      {
        id: 36,
        parent: 35,
        dev: "98:0",
        root: "/mnt1",
        point: "/mnt2",
        options: ["rw", "noatime"],
        propagation: { master: 1 },
        fsType: "ext3",
        source: "/dev/root",
        superOptions: ["rw", "errors=continue"],
      },
    ],
  );
});

test("reads none, one or several optional fields, known or not", () => {
  const line = (optional: string): string => `22 27 0:21 / /proc rw ${optional}- proc proc rw\n`;
  const propagation = (optional: string): unknown => parse(line(optional))[0]?.propagation;
  assert.deepEqual(propagation(""), {});
  assert.deepEqual(propagation("shared:7 "), { shared: 7 });
  assert.deepEqual(propagation("shared:7 master:2 propagate_from:3 "), {
    shared: 7,
    master: 2,
    propagateFrom: 3,
  });
  assert.deepEqual(propagation("unbindable "), { unbindable: true });
  assert.deepEqual(propagation("later:1 shared:9 "), { shared: 9 });
});

test("undoes octal escapes in every field that can have them", () => {
  const [mount] = parse(
    "1 0 0:5 /a\\040b /c\\011d\\012e\\134f rw - fuse.x\\043y s\\040\\043r rw,lowerdir=/a\\054b\n",
  );
  assert.equal(mount?.root, "/a b");
  assert.equal(mount?.point, "/c\td\ne\\f");
  assert.equal(mount?.fsType, "fuse.x#y");
  assert.equal(mount?.source, "s #r");
  assert.deepEqual(mount?.superOptions, ["rw", "lowerdir=/a,b"]);
});

test("keeps the comma of a quoted security label", () => {
  const [mount] = parse('1 0 0:5 / /a rw - tmpfs t rw,context="system_u:object_r:t:s0:c1,c2",size=4k\n');
  assert.deepEqual(mount?.superOptions, ["rw", 'context="system_u:object_r:t:s0:c1,c2"', "size=4k"]);
});

test("reads an empty source, and spaces in superblock options that a filesystem forgot to escape", () => {
  assert.equal(parse("1 0 0:5 / /a rw - tmpfs  rw,size=4k\n")[0]?.source, "");
  assert.deepEqual(parse("1 0 0:5 / /a rw - odd src rw,label=a b\n")[0]?.superOptions, ["rw", "label=a b"]);
});

test("tells a deleted root from one whose name ends alike", () => {
  const [deleted, named] = parse("1 0 0:5 /a//deleted /x rw - t s rw\n2 0 0:5 /a/deleted /y rw - t s rw\n");
  assert.equal(deleted?.root, "/a");
  assert.equal(deleted?.deleted, true);
  assert.equal(named?.root, "/a/deleted");
  assert.ok(named !== undefined && !("deleted" in named));
});

test("decodes UTF-8 and keeps the bytes of what is not", () => {
  const bytes = Buffer.concat([
    Buffer.from("1 0 0:5 / /gr\u00fc\u00df\u4e16 rw - tmpfs t rw\n2 0 0:5 / /"),
    Buffer.from([0xff, 0x61]),
    Buffer.from("\\040 rw - tmpfs t rw\n"),
  ]);
  const [valid, invalid] = parseMountinfo(bytes);
  assert.equal(valid?.point, "/gr\u00fc\u00df\u4e16");
  assert.equal(valid?.raw, undefined);
  assert.equal(invalid?.point, "/\ufffda ");
  assert.deepEqual(invalid?.raw, { point: Buffer.from([0x2f, 0xff, 0x61, 0x20]) });
});

test("decodes an escaped byte that is not ASCII in a text that is", () => {
  const [mount] = parse("1 0 0:5 / /\\303\\251\\377 rw - tmpfs t rw\n");
  assert.equal(mount?.point, "/\u00e9\ufffd");
  assert.deepEqual(mount?.raw?.point, Buffer.from([0x2f, 0xc3, 0xa9, 0xff]));
});

test("leaves out cut and foreign lines and goes on", () => {
  const whole = "22 27 0:21 / /proc rw - proc proc rw\n";
  assert.deepEqual(
    parse(`${whole}nonsense\n\n1 2 0:5 / /a rw shared:1 tmpfs\n${whole}23 27 0:21 / /sy`).map(({ id }) => id),
    [22, 22],
  );
  assert.deepEqual(parse(""), []);
});

/** mangle_path() of fs/seq_file.c with the characters that show_mountinfo() of fs/proc_namespace.c names. */
function mangle(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text += " \t\n\\#".includes(String.fromCharCode(byte))
      ? `\\${byte.toString(8).padStart(3, "0")}`
      : String.fromCharCode(byte);
  }
  return text;
}

const pathBytes = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => Buffer.from([0x2f, ...bytes.filter((byte) => byte !== 0)]));

test("any bytes survive escaping and reading", () => {
  fc.assert(
    fc.property(pathBytes, pathBytes, pathBytes, fc.nat(), (root, point, source, id) => {
      const rest = `rw,relatime shared:${id} - tmpfs ${mangle(source)} rw\n`;
      const mounts = parse(`${id} 1 0:5 ${mangle(root)} ${mangle(point)} ${rest}`.repeat(2));
      assert.equal(mounts.length, 2);
      for (const mount of mounts) {
        assert.equal(mount.id, id);
        assert.equal(mount.propagation.shared, id);
        assert.deepEqual(mount.raw?.root ?? Buffer.from(mount.root), root);
        assert.deepEqual(mount.raw?.point ?? Buffer.from(mount.point), point);
        assert.deepEqual(mount.raw?.source ?? Buffer.from(mount.source), source);
      }
    }),
    { examples: [[Buffer.from("/\\"), Buffer.from("/\\040"), Buffer.from("//\n - "), 7]] },
  );
});

test("tables that are read with the same words share what is equal, line by line or not", () => {
  const words = new MountWords();
  const read = (...lines: string[]) =>
    parseMountinfo(Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1"), words);
  const [proc, data] = ["/ /proc rw,nosuid - proc proc rw,hidepid=invisible", "/ /data rw - tmpfs \xff rw"];
  const one = read(`1 0 0:5 ${proc}`, `2 1 0:6 ${data}`);
  // the next table has them in other places, and lines that begin as others do
  const two = read(`7 0 0:5 ${data}`, `8 1 0:6 ${data},size=4k`, `9 1 0:6 ${proc}`);
  assert.deepEqual(
    two.map(({ id, dev, point, superOptions }) => [id, dev, point, superOptions.join()]),
    [
      [7, "0:5", "/data", "rw"],
      [8, "0:6", "/data", "rw,size=4k"],
      [9, "0:6", "/proc", "rw,hidepid=invisible"],
    ],
  );
  assert.equal(two[2]?.options, one[0]?.options);
  assert.equal(two[2]?.superOptions, one[0]?.superOptions);
  assert.equal(two[2]?.propagation, one[0]?.propagation);
  assert.deepEqual(two[0]?.raw, { source: Buffer.from([0xff]) });
  const again = read(`1 0 0:5 ${proc}`, `2 1 0:6 ${data}`);
  assert.deepEqual(again, one);
});

test("reads so many mounts as are asked for", () => {
  const text = Buffer.from("1 0 0:5 / /a rw - tmpfs t rw\n".repeat(3));
  assert.equal(parseMountinfo(text, new MountWords(), 2).length, 2);
});

test("unescapes nothing but three octal digits of one byte", () => {
  assert.equal(unescapeOctal("\\04\\40\\400\\9\\"), "\\04\\40\\400\\9\\");
  assert.equal(unescapeOctal("\\0401\\134040"), " 1\\040");
});

test("reads every line the kernel writes", () => {
  const bytes = readFileSync("/proc/self/mountinfo");
  const mounts = parseMountinfo(bytes);
  assert.equal(mounts.length, bytes.toString("latin1").split("\n").length - 1);
  assert.ok(mounts.some(({ point, fsType }) => point === "/proc" && fsType === "proc"));
  assert.ok(readMountinfo(new HostPath(), process.pid)?.some(({ id }) => id === mounts[0]?.id));
});

test("a process that is gone has no table", () => {
  assert.equal(readMountinfo(new HostPath(), 4_194_305), null);
});

test("a table that cannot be read is an error, not a process without mounts", () => {
  const root = mkdtempSync(join(tmpdir(), "keyhole-"));
  try {
    mkdirSync(join(root, "proc", "1", "mountinfo"), { recursive: true });
    assert.throws(
      () => readMountinfo(new HostPath(root), 1),
      (error) =>
        error instanceof KeyholeError && error.code === "KEYHOLE_MOUNTINFO" && error.found === "EISDIR",
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});
