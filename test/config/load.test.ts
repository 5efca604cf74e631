import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { DEFAULTS } from "../../src/config/config.js";
import { KEY_PATHS, KEYS, variableOf } from "../../src/config/keys.js";
import { type ConfigSources, loadConfig } from "../../src/config/load.js";
import { parseLayer } from "../../src/config/schema.js";
import { describeError, KeyholeError } from "../../src/errors.js";

let base: string;
let dir: string;
let file: string;
let count = 0;

before(() => {
  base = mkdtempSync(join(tmpdir(), "keyhole-config-"));
});
beforeEach(() => {
  dir = join(base, String(++count));
  mkdirSync(join(dir, "conf.d"), { recursive: true });
  file = join(dir, "keyhole.yaml");
});
after(() => rmSync(base, { recursive: true }));

const load = (sources: Partial<ConfigSources> = {}) => loadConfig({ env: {}, flags: {}, ...sources });

/** The text that the user sees, with the directory of this test taken out. */
async function failure(sources: Partial<ConfigSources>): Promise<string> {
  const error = await load(sources).then(
    () => assert.fail("expected an error"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KeyholeError, String(error));
  assert.equal(error.code, "KEYHOLE_CONFIG");
  assert.equal(error.exitCode, 2);
  return describeError(error).replaceAll(`${dir}/`, "");
}

async function failureOf(yaml: string | Buffer): Promise<string> {
  writeFileSync(file, yaml);
  return failure({ file });
}

test("without anything the defaults hold and the node is the host's name", async () => {
  writeFileSync(file, "");
  const { config, warnings } = await load({ file });
  assert.deepEqual(config, { ...DEFAULTS, node: hostname() });
  assert.deepEqual(warnings, []);
});

test("NODE_NAME names the node, and the node key wins over it", async () => {
  writeFileSync(file, "# nothing\n");
  assert.equal((await load({ file, env: { NODE_NAME: "worker-1" } })).config.node, "worker-1");
  const named = await load({ file, env: { NODE_NAME: "worker-1", KEYHOLE_NODE: "other" } });
  assert.equal(named.config.node, "other");
});

test("file, drop-ins by name, environment, flags: the later one wins key by key", async () => {
  writeFileSync(
    file,
    [
      "attach: tracepoint",
      "output: json",
      "color: never",
      "listen: 127.0.0.1:1",
      "ring:",
      "  size: 1MiB",
      "inventory:",
      "  interval: 1m",
      "rules:",
      "  disable: [a, b]",
      "  severity: {a: high, b: low}",
    ].join("\n"),
  );
  writeFileSync(join(dir, "conf.d/20-b.yaml"), "output: text\nrules:\n  severity:\n    b: info\n");
  writeFileSync(join(dir, "conf.d/10-a.yaml"), "output: none\ncolor: always\nrules: {disable: [c]}\n");
  writeFileSync(join(dir, "conf.d/ignored.yml"), "output: [");
  writeFileSync(join(dir, "conf.d/.hidden.yaml"), "output: [");
  const { config, files } = await load({
    file,
    dir: join(dir, "conf.d"),
    env: { KEYHOLE_LISTEN: "[::1]:2", KEYHOLE_RING_SIZE: "2MiB", KEYHOLE_ATTACH: "" },
    flags: { "ring.size": "4MiB" },
  });
  assert.deepEqual(config, {
    ...DEFAULTS,
    node: hostname(),
    attach: "tracepoint",
    output: "text",
    color: "always",
    listen: { host: "::1", port: 2 },
    ring: { size: 4 * 1024 * 1024 },
    inventory: { interval: 60_000 },
    rules: { directory: null, disable: ["c"], severity: { a: "high", b: "info" } },
  });
  assert.deepEqual(files, [file, join(dir, "conf.d/10-a.yaml"), join(dir, "conf.d/20-b.yaml")]);
});

test("every key can be set in the file, by a variable and by a flag, to the same effect", async () => {
  const samples: Record<string, [yaml: unknown, text: string, parsed: unknown]> = {
    attach: ["tracepoint", "tracepoint", "tracepoint"],
    host_root: ["/host", "/host", "/host"],
    node: ["n1", "n1", "n1"],
    output: ["text", "text", "text"],
    color: ["never", "never", "never"],
    listen: ["off", "off", null],
    token_file: ["/run/token", "/run/token", "/run/token"],
    insecure_listen: [true, "true", true],
    "tls.cert": ["/c.pem", "/c.pem", "/c.pem"],
    "tls.key": ["/k.pem", "/k.pem", "/k.pem"],
    "ring.size": [65536, "64KiB", 65536],
    "limits.rate": [0, "0", 0],
    "websocket.recent": [0, "0", 0],
    "metrics.per_workload": [true, "true", true],
    "inventory.interval": ["500ms", "500ms", 500],
    "filter.exclude_self": [false, "false", false],
    "filter.cgroups.include": [["/a", "/b/"], "/a,/b/", ["/a", "/b"]],
    "filter.cgroups.exclude": [["/"], "/", ["/"]],
    "filter.pid_namespaces.include": [[4026531836], "4026531836", [4026531836]],
    "filter.pid_namespaces.exclude": [[1, 2], "1, 2", [1, 2]],
    "filter.uids.include": [[0], "0", [0]],
    "filter.uids.exclude": [[1000, 1001], "1000,1001,", [1000, 1001]],
    opens: ["off", "off", "off"],
    "rules.directory": ["/rules", "/rules", "/rules"],
    "rules.disable": [["x"], "x", ["x"]],
    "rules.severity": [{ x: "low" }, "x=low", { x: "low" }],
    "log.level": ["debug", "debug", "debug"],
    "log.format": ["json", "json", "json"],
  };
  assert.deepEqual(Object.keys(samples).sort(), [...KEY_PATHS].sort());
  for (const path of KEY_PATHS) {
    const [yaml, text, parsed] = samples[path]!;
    const nested = path.split(".").reduceRight<unknown>((inner, step) => ({ [step]: inner }), yaml);
    const result = parseLayer(nested);
    assert.ok("layer" in result, `${path}: ${JSON.stringify(result)}`);
    const read = (layer: unknown) =>
      path.split(".").reduce((node, step) => (node as Record<string, unknown>)[step], layer);
    assert.deepEqual(read(result.layer), parsed, path);
    writeFileSync(file, "tls: {cert: /c, key: /k}\n");
    const byVariable = await load({ file, env: { [variableOf(path)]: text } });
    assert.deepEqual(read(byVariable.config), parsed, variableOf(path));
    const byFlag = await load({ file, flags: { [path]: KEYS[path].many ? [text] : text } });
    assert.deepEqual(read(byFlag.config), parsed, KEYS[path].flag);
  }
});

test("an unknown key is named with its place and the key that was meant", async () => {
  assert.equal(
    await failureOf("attach: auto\noutptu: json\n"),
    [
      'keyhole: keyhole.yaml:2:1: there is no key "outptu" [KEYHOLE_CONFIG]',
      '  do:       did you mean "output"?',
    ].join("\n"),
  );
  assert.match(await failureOf("ring_size: 1MiB\n"), /1:1: there is no key "ring_size".*\n.*"ring\.size"/);
  assert.match(await failureOf("ring:\n  sise: 1MiB\n"), /2:3: there is no key "ring\.sise".*\n.*"size"/);
  assert.doesNotMatch(await failureOf("zzzzzz: 1\n"), /did you mean/);
});

test("a bad value is named with its place, what was expected and what was found", async () => {
  assert.equal(
    await failureOf("ring:\n  size: 1000\n"),
    [
      "keyhole: keyhole.yaml:2:9: ring.size is not valid [KEYHOLE_CONFIG]",
      "  expected: a power of two from 64KiB to 1GiB",
      "  found:    1000",
    ].join("\n"),
  );
  assert.equal(
    await failureOf("output: jsno\n"),
    [
      "keyhole: keyhole.yaml:1:9: output is not valid [KEYHOLE_CONFIG]",
      "  expected: one of auto, json, text, none",
      '  found:    "jsno"',
      '  do:       did you mean "json"?',
    ].join("\n"),
  );
});

test("every kind of value refuses what it is not", async () => {
  const bad: readonly [yaml: string, place: string][] = [
    ["node: 12", "1:7"],
    ["host_root: host", "1:12"],
    ["listen: 9917", "1:9"],
    ["listen: example.org:9917", "1:9"],
    ["listen: 127.0.0.1:99999", "1:9"],
    ["listen: ::1:9917", "1:9"],
    ["insecure_listen: maybe", "1:18"],
    ["inventory: {interval: 5}", "1:23"],
    ["inventory: {interval: 1ms}", "1:23"],
    ["filter: {uids: {include: 0}}", "1:26"],
    ["filter: {uids: {include: [0, -1]}}", "1:30"],
    ["filter: {cgroups: {include: [a]}}", "1:30"],
    ["filter: {cgroups: {include: [/a/../b]}}", "1:30"],
    ["filter: [1]", "1:9"],
    ["filter: true", "1:9"],
    ["rules: {severity: {x: fatal}}", "1:23"],
    ["rules: {severity: [x]}", "1:19"],
    ["ring: {size: 96KiB}", "1:14"],
    ["ring: {size: 2GiB}", "1:14"],
    ["- attach", "1:1"],
    ["just text", "1:1"],
  ];
  for (const [yaml, place] of bad) {
    const message = await failureOf(`${yaml}\n`);
    assert.ok(message.startsWith(`keyhole: keyhole.yaml:${place}: `), `${yaml}: ${message}`);
    assert.match(message, /expected: /, yaml);
  }
});

test("all errors of all files, variables and flags are reported together", async () => {
  writeFileSync(file, "attach: fast\nring: {size: 7, sise: 7}\n");
  writeFileSync(join(dir, "conf.d/a.yaml"), "outputs: json\n");
  const message = await failure({
    file,
    dir: join(dir, "conf.d"),
    env: { KEYHOLE_RING_SIZ: "1", KEYHOLE_COLOR: "blue" },
    flags: { "filter.uids.include": ["0,x"], "rules.severity": ["a=worst"] },
  });
  assert.equal(
    message,
    [
      "keyhole: 8 errors in the configuration [KEYHOLE_CONFIG]",
      '  found:    keyhole.yaml:1:9: attach is not valid, expected one of auto, fentry, tracepoint, found "fast"',
      "            keyhole.yaml:2:14: ring.size is not valid, expected a power of two from 64KiB to 1GiB, found 7",
      '            keyhole.yaml:2:17: there is no key "ring.sise" (did you mean "size"?)',
      '            conf.d/a.yaml:1:1: there is no key "outputs" (did you mean "output"?)',
      "            KEYHOLE_RING_SIZ: there is no such variable (did you mean KEYHOLE_RING_SIZE?)",
      '            KEYHOLE_COLOR: the value is not valid, expected one of auto, always, never, found "blue"',
      '            --filter-uid: the value is not valid, expected a uid from 0 to 4294967294, found "x"',
      '            --rule-severity: a is not valid, expected one of critical, high, medium, low, info, found "worst"',
    ].join("\n"),
  );
});

test("what is not YAML is refused with its place: tabs, keys twice, two documents, open brackets", async () => {
  assert.equal(
    await failureOf("attach: auto\noutput: json\nattach: tracepoint\n"),
    "keyhole: keyhole.yaml:3:1: this key stands here twice [KEYHOLE_CONFIG]",
  );
  assert.match(
    await failureOf("ring:\n\tsize: 1MiB\n"),
    /keyhole\.yaml:2:\d+: YAML cannot be indented with tabs/,
  );
  assert.match(
    await failureOf("attach: auto\n---\nattach: auto\n"),
    /2:\d+: a configuration is one YAML document/,
  );
  assert.match(await failureOf("ring: {size: 1MiB\n"), /keyhole\.yaml:\d+:\d+: /);
});

test("a file that is not UTF-8 is refused with the offset of the byte", async () => {
  const message = await failureOf(Buffer.from([..."node: "].map((c) => c.charCodeAt(0)).concat(0xe9, 0x0a)));
  assert.match(message, /keyhole\.yaml: the file is not text/);
  assert.match(message, /expected: UTF-8\n {2}found: {4}byte 0xe9 at offset 6/);
});

test("aliases that multiply are refused, not expanded", async () => {
  const levels = "abcdefgh".split("");
  const bomb = levels.map((name, at) => {
    const before = levels[at - 1];
    return `${name}: &${name} [${Array(9)
      .fill(before === undefined ? "x" : `*${before}`)
      .join(",")}]`;
  });
  assert.match(await failureOf(`${bomb.join("\n")}\n`), /alias/i);
});

test("a named file must exist, an unnamed one need not; a directory is not a file", async () => {
  assert.match(
    await failure({ file: join(dir, "none.yaml") }),
    /none\.yaml: the configuration file does not exist/,
  );
  assert.match(
    await failure({ env: { KEYHOLE_CONFIG: join(dir, "none.yaml") } }),
    /none\.yaml: the configuration file does not exist/,
  );
  assert.match(await failure({ file: dir }), /cannot be read[\s\S]*EISDIR/);
  writeFileSync(file, "");
  assert.match(
    await failure({ file, dir: join(dir, "none.d") }),
    /none\.d: the directory of drop-ins.*[\s\S]*ENOENT/,
  );
});

test("a file that anyone can write is warned about", async () => {
  writeFileSync(file, "attach: auto\n");
  chmodSync(file, 0o646);
  assert.deepEqual((await load({ file })).warnings, [`${file}: anyone can write to this file (chmod o-w)`]);
});

test("a section whose lines are commented out is no section", async () => {
  writeFileSync(file, "ring:\n#  size: 1MiB\nfilter:\n  uids:\n");
  assert.deepEqual((await load({ file })).config, { ...DEFAULTS, node: hostname() });
});

test("variables of the libbpf loader and of Kubernetes Services are left alone", async () => {
  writeFileSync(file, "");
  const env = {
    KEYHOLE_LIBBPF: "/x.so",
    KEYHOLE_SERVICE_HOST: "10.0.0.1",
    KEYHOLE_SERVICE_PORT: "9917",
    KEYHOLE_SERVICE_PORT_METRICS: "9917",
    KEYHOLE_PORT: "tcp://10.0.0.1:9917",
    KEYHOLE_PORT_9917_TCP: "tcp://10.0.0.1:9917",
    KEYHOLE_PORT_9917_TCP_ADDR: "10.0.0.1",
    KEYHOLE_METRICS_SERVICE_HOST: "10.0.0.1",
    KEYHOLE_METRICS_PORT: "tcp://10.0.0.1:9917",
  };
  assert.deepEqual((await load({ file, env })).config, { ...DEFAULTS, node: hostname() });
  assert.match(
    await failure({ file, env: { KEYHOLE_PORT: "9917" } }),
    /KEYHOLE_PORT: there is no such variable/,
  );
});

test("an address that others can reach needs a token or permission", async () => {
  writeFileSync(file, "");
  const reachable = ["0.0.0.0:9917", "[::]:9917", "10.0.0.5:0", "[::ffff:10.0.0.5]:1", "[10.0.0.5]:1"];
  for (const listen of reachable) {
    assert.match(
      await failure({ file, flags: { listen } }),
      /listen: others can reach .*token_file/s,
      listen,
    );
    await load({ file, flags: { listen, insecure_listen: true } });
    await load({ file, flags: { listen, token_file: "/run/token" } });
  }
  for (const listen of [
    "127.0.0.1:0",
    "127.9.9.9:1",
    "[::1]:1",
    "localhost:1",
    "[::ffff:127.0.0.1]:1",
    "off",
  ]) {
    await load({ file, flags: { listen } });
  }
});

test("TLS needs the certificate and the key", async () => {
  writeFileSync(file, "tls: {cert: /c.pem}\n");
  assert.match(await failure({ file }), /tls\.key: TLS needs both files/);
});
