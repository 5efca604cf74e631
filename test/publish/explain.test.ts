import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { type AgentAccess, askAgent } from "../../src/commands/explain-agent.js";
import { explanationText } from "../../src/commands/explanation-text.js";
import { rulePage, rulePageText } from "../../src/commands/rule-page.js";
import type { KeyholeEvent, SyscallEvent } from "../../src/event.js";
import { Exposures } from "../../src/exposures/engine.js";
import type { Exception } from "../../src/exposures/exception.js";
import { allRules, DETECTORS, type RuleSet, withOverrides } from "../../src/exposures/rule-set.js";
import { scores } from "../../src/exposures/score.js";
import { explainRoutes } from "../../src/publish/explain-routes.js";
import { type HttpOptions, HttpServer } from "../../src/publish/http.js";
import { container, HOST_NS, HOST_PROC_DEV } from "../exposures/container.js";
import { runcMounts } from "../mounts/mountinfo-text.js";

const TOKEN = "correct-horse-battery-staple";
let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "keyhole-explain-"));
  writeFileSync(join(dir, "token"), `${TOKEN}\n`);
});
after(() => rmSync(dir, { recursive: true }));

const HOSTILE = "x\u001b[31m\n<b>";

function call(seq: number, more: Partial<SyscallEvent> = {}): SyscallEvent {
  return {
    ...{
      schema: 1,
      seq,
      time: "2026-11-23T00:00:01.000000001Z",
      node: "n",
      type: "syscall",
      syscall: "setns",
    },
    ...{ abi: "x86_64", duration_ns: null, args: {}, strings: "user-exit", ret: 0 },
    process: {
      ...{ pid: 4300, tid: 4300, ppid: 4242, uid: 0, gid: 0, comm: HOSTILE, exe: "/bin/sh", start: "5" },
      ...{ ns_pid: 7, parent: null },
    },
    container: { id: "c1", runtime: null, name: HOSTILE, image: null, pod: null },
    namespaces: {},
    target: { via: "nsfs", type: "mnt", inum: HOST_NS[0]!, id: null },
    ...more,
  };
}

const exception: Exception = {
  name: "cilium",
  rules: new Set(["proc-mount-in-container"]),
  description: "Mounts procfs for its checks.",
  origin: "benign.yaml:3:1",
  matches: (facts) => facts("process.exe") === "/bin/sh",
};

/** Few rules, so that it can be said which are asked. */
const RULES: RuleSet = {
  ...DETECTORS,
  node: [],
  acts: DETECTORS.acts.filter(({ id }) => ["ns-enter-host", "proc-mount-in-container"].includes(id)),
  exceptions: [exception],
};

/** An engine that was told of some calls, and what it published. */
function world(rules = RULES) {
  const engine = new Exposures({ rules, hostProcDev: HOST_PROC_DEV });
  const events: KeyholeEvent[] = [];
  const context = { hostNs: HOST_NS, parentNs: null, after: () => container(runcMounts()) };
  const tell = (event: SyscallEvent) => {
    events.push(event);
    for (const change of engine.act(event, context))
      events.push({ schema: 1, seq: event.seq + 1, time: event.time, node: "n", ...change });
  };
  engine.posture(container(runcMounts().filter(({ point }) => point !== "/proc/keys")));
  tell(call(10));
  tell(call(20, { syscall: "mount", args: { filesystemtype: "proc", mountflags: [] } }));
  tell(
    call(30, {
      syscall: "setns",
      ret: -1,
      errno: "EPERM",
      target: { via: "other", magic: "0", fs_type: null },
    }),
  );
  tell(call(40, { container: null, syscall: "landlock_add_rule" }));
  tell(call(50, { syscall: "landlock_add_rule" }));
  return { engine, events };
}

async function serve(context: TestContext, options: Partial<HttpOptions> = {}): Promise<AgentAccess> {
  const { engine, events } = world();
  const routes = explainRoutes({
    engine,
    eventOf: (seq) => events.find((event) => event.seq === seq) ?? null,
    scores: () => scores(engine.findings()),
  });
  const tls = { cert: null, key: null };
  const listen = { host: "127.0.0.1", port: 0 };
  const server = new HttpServer({ listen, tls, token_file: null, routes, upgrades: [], ...options });
  const { port } = await server.start();
  context.after(() => server.close());
  return { listen: { host: "127.0.0.1", port }, token_file: null, tls: options.tls ?? tls };
}

test("the agent says which rule matched an event, and with what", async (context) => {
  const access = await serve(context);
  const explanation = await askAgent({ seq: 10 }, access);
  assert.equal(explanation?.event?.seq, 10);
  assert.equal(explanation.finding?.rule, "ns-enter-host");
  const [decision] = explanation.decisions;
  assert.deepEqual(
    [decision?.rule, decision?.result, decision?.severity],
    ["ns-enter-host", "told", "critical"],
  );
  assert.deepEqual(decision?.facts, ["process 4300 is now in the host's mnt namespace"]);
  const told = explanation.asked?.filter(({ result }) => result !== null).map(({ rule }) => rule);
  assert.deepEqual(told, ["ns-enter-host"]);
  // the event of the finding has a number of its own, and the finding an id
  for (const question of [{ seq: 11 }, { finding: explanation.finding.id }]) {
    const same = await askAgent(question, access);
    assert.equal(same?.finding?.id, explanation.finding.id);
    assert.deepEqual(same.decisions, explanation.decisions);
  }
});

test("… which exception spared it, and of whom that speaks", async (context) => {
  const explanation = await askAgent({ seq: 20 }, await serve(context));
  assert.equal(explanation?.finding, null);
  const [decision] = explanation.decisions;
  assert.deepEqual(
    [decision?.rule, decision?.result, decision?.exception, decision?.exception_description],
    ["proc-mount-in-container", "exception:cilium", "cilium", exception.description],
  );
  assert.match(
    explanationText(explanation, false),
    /not told: the exception "cilium" spares it: Mounts procfs/,
  );
});

test("… which rules were asked about an event in which none found anything, or why none was", async (context) => {
  const access = await serve(context);
  const silent = await askAgent({ seq: 30 }, access);
  assert.deepEqual(silent?.decisions, []);
  assert.equal(silent.asked?.find(({ rule }) => rule === "ns-enter-host")?.result, null);
  assert.equal(
    silent.asked?.every(({ result }) => result === null),
    true,
  );
  assert.match(
    explanationText(silent, false),
    /^Asked, and found nothing:\n(?: {2}.*\n)* {2}ns-enter-host /m,
  );
  const host = await askAgent({ seq: 40 }, access);
  assert.match(host?.unasked ?? "", /in no container/);
  const other = await askAgent({ seq: 50 }, access);
  assert.match(other?.unasked ?? "", /no rule is about landlock_add_rule/);
  assert.equal(await askAgent({ seq: 60 }, access), null);
  assert.equal(await askAgent({ finding: "0123456789abcdef" }, access), null);
});

test("what a rule spares by itself is explained too", () => {
  const { engine } = world(DETECTORS);
  const runtime = call(70, { syscall: "mount", args: { filesystemtype: "proc", mountflags: [] } });
  const process = {
    ...runtime.process,
    exe: "/usr/sbin/runc",
    parent: { comm: "runc", exe: "/usr/sbin/runc" },
  };
  engine.act({ ...runtime, process }, { hostNs: HOST_NS, parentNs: HOST_NS, after: () => null });
  assert.deepEqual(
    engine.decisions.about({ seq: 70 }).map(({ rule, result }) => [rule, result]),
    [["proc-mount-in-container", "runtime-setup"]],
  );
  assert.equal(engine.suppressed().get("runtime-setup"), 1);
});

test("nothing that a container chose can write to the terminal of who asks", async (context) => {
  const access = await serve(context);
  for (const seq of [10, 11, 20, 30, 40, 50]) {
    const text = explanationText((await askAgent({ seq }, access))!, false);
    assert.match(text, /^[ -~…\n]*$/, `${seq}: ${JSON.stringify(text)}`);
    assert.equal(text.includes("\n<b>"), false);
  }
});

test("the findings that are open, the acts, and the scores are to be had at once", async (context) => {
  const { listen } = await serve(context);
  const response = await fetch(`http://127.0.0.1:${listen!.port}/v1/findings`);
  const body = (await response.json()) as {
    findings: { rule: string }[];
    containers: { id: string; score: number }[];
  };
  const found = body.findings.map(({ rule }) => rule);
  for (const rule of ["ns-enter-host", "proc-mask-missing"]) assert.equal(found.includes(rule), true, rule);
  assert.deepEqual(
    body.containers.map(({ id, score }) => [id, score]),
    [["c1", 40]],
  );
});

test("a question that is none is refused", async (context) => {
  const { listen } = await serve(context);
  for (const query of [
    "",
    "event=",
    "event=-1",
    "event=x",
    "finding=../etc",
    "event=1&finding=0123456789abcdef",
  ]) {
    const { status } = await fetch(`http://127.0.0.1:${listen!.port}/v1/explain?${query}`);
    assert.equal(status, 400, query);
  }
});

test("the token is shown where the agent wants one, and a refusal says which file to name", async (context) => {
  const token_file = join(dir, "token");
  const access = await serve(context, { token_file });
  assert.equal((await askAgent({ seq: 10 }, { ...access, token_file }))?.event?.seq, 10);
  await assert.rejects(askAgent({ seq: 10 }, access), { code: "KEYHOLE_NO_AGENT", hint: /--token-file/ });
});

/** Makes a key and a certificate, by openssl(1). `by` signs it; absent: it signs itself. */
function certificate(
  name: string,
  subjectAltName: string,
  by?: { readonly cert: string; readonly key: string },
) {
  const tls = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tls.key, "-out", tls.cert];
  const named = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${subjectAltName}`];
  const signed = by === undefined ? [] : ["-CA", by.cert, "-CAkey", by.key];
  const leaf = by === undefined ? [] : ["-addext", "basicConstraints=critical,CA:FALSE"];
  const { status, stderr } = spawnSync("openssl", [...made, ...named, ...signed, ...leaf], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return tls;
}

test("an agent that speaks TLS is believed by its own certificate, whatever its name is", async (context) => {
  const [own, other] = [certificate("a", "DNS:keyhole"), certificate("b", "DNS:keyhole")];
  const access = await serve(context, { tls: own });
  assert.equal((await askAgent({ seq: 10 }, access))?.event?.seq, 10);
  await assert.rejects(askAgent({ seq: 10 }, { ...access, tls: other }), {
    code: "KEYHOLE_NO_AGENT",
    message: /does not show the agent's certificate/,
  });
  await assert.rejects(askAgent({ seq: 10 }, { ...access, tls: { ...own, cert: join(dir, "none.crt") } }), {
    code: "KEYHOLE_TLS",
    found: "ENOENT",
  });
});

test("another certificate of the same authority has to name the address, and sees no token before it does", async (context) => {
  const ca = certificate("ca", "DNS:ca");
  const own = certificate("own", "DNS:keyhole", ca);
  writeFileSync(own.cert, readFileSync(own.cert, "utf8") + readFileSync(ca.cert, "utf8"));
  const [named, stranger] = [certificate("c", "IP:127.0.0.1", ca), certificate("d", "DNS:elsewhere", ca)];
  const token_file = join(dir, "token");
  const seen: unknown[] = [];
  const shows = async (tls: typeof own) => {
    const server = createTlsServer(
      { cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
      (req, res) => {
        seen.push(req.headers.authorization);
        res.writeHead(404).end(JSON.stringify({ forgotten: 0 }));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    context.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    return askAgent({ seq: 10 }, { listen: { host: "127.0.0.1", port }, token_file, tls: own });
  };
  await assert.rejects(shows(stranger), { code: "KEYHOLE_NO_AGENT", found: /ERR_TLS_CERT_ALTNAME_INVALID/ });
  assert.deepEqual(seen, []);
  assert.equal(await shows(own), null);
  assert.equal(await shows(named), null);
  assert.deepEqual(seen, [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
});

test("no agent, no address, and something else at the address are errors that say what to do", async (context) => {
  const tls = { cert: null, key: null };
  const server = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
  context.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const at = (listen: AgentAccess["listen"]) => askAgent({ seq: 1 }, { listen, token_file: null, tls });
  await assert.rejects(at(null), { code: "KEYHOLE_NO_AGENT", exitCode: 3 });
  await assert.rejects(at({ host: "127.0.0.1", port: 1 }), {
    code: "KEYHOLE_NO_AGENT",
    found: "ECONNREFUSED",
  });
  await assert.rejects(at({ host: "127.0.0.1", port }), { code: "KEYHOLE_NO_AGENT", message: /is no agent/ });
});

test("the page of every rule has what it says, needs and spares", () => {
  const disable = ["ns-enter-host"];
  const set = withOverrides(
    { ...DETECTORS, exceptions: [exception] },
    { disable, severity: { "proc-unmasked": "low" } },
  );
  for (const rule of allRules(set)) {
    const page = rulePage(rule, set);
    const text = rulePageText(page, false);
    for (const part of [
      rule.title,
      rule.description,
      rule.remediation,
      ...rule.references,
      ...rule.tags,
      ...rule.subsumes,
    ])
      assert.equal(text.includes(part), true, `${rule.id} without ${part}`);
    assert.equal(text.includes("disabled by the configuration"), rule.id === "ns-enter-host");
    assert.equal(text.includes("the configuration makes it low"), rule.id === "proc-unmasked");
    assert.equal(text.includes("cilium: Mounts procfs"), rule.id === "proc-mount-in-container");
  }
  const written = { ...DETECTORS.acts[0]!, condition: "a == 1 &&\n  b", origin: "own.yaml:2:3" };
  const text = rulePageText(rulePage(written, set), false);
  assert.match(text, /^condition +a == 1 &&\n +b$/m);
  assert.match(text, /^written in +own\.yaml:2:3$/m);
});
