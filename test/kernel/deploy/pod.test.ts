import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ScanReport } from "../../../src/commands/scan-report.js";
import type { FindingEvent, KeyholeEvent } from "../../../src/event.js";
import { ROOT, readDaemonSet } from "../../deploy/manifests.js";
import { Pod, TOKEN } from "./pod.js";

const { spec } = readDaemonSet().spec.template;
const [container] = spec.containers;
const { capabilities } = container!.securityContext;
/** Milliseconds; nothing is measured with them. */
const PATIENCE = 90_000;
const STEP = 50;

describe("the agent with what the DaemonSet's pod has", () => {
  let pod: Pod;

  before(() => {
    assert.equal(process.getuid?.(), 0, "containers need root");
    pod = new Pod(spec);
  });

  after(() => pod[Symbol.dispose]());

  function events(): KeyholeEvent[] {
    return pod.output
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as KeyholeEvent);
  }

  async function until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!condition()) {
      assert.ok(performance.now() < deadline, `no sign of ${what}: ${pod.output}`);
      await sleep(STEP);
    }
  }

  /** Status and body of a request from inside the pod's network namespace. */
  function get(
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): { status: number; body: string } {
    const url = `http://${pod.environment.KEYHOLE_LISTEN!.replace(/^\[(127[^\]]*)\]/, "$1")}${path}`;
    const code = `fetch(${JSON.stringify(url)}, { headers: ${JSON.stringify(headers)} })
      .then(async (reply) => console.log(JSON.stringify({ status: reply.status, body: await reply.text() })))`;
    const enter = ["--net", "--target", String(pod.pid), process.execPath, "-e", code];
    return JSON.parse(execFileSync("nsenter", enter, { encoding: "utf8" })) as {
      status: number;
      body: string;
    };
  }

  it("attaches every program", async () => {
    await until("its start", () => pod.output.includes("\n"));
    const [first] = events();
    assert.equal(first?.type === "agent" && first.state, "started");
    assert.equal(first?.node, "worker-1");
    const { programs } = first as unknown as { programs: { program: string; attached: boolean }[] };
    assert.ok(programs.length > 0);
    assert.deepEqual(
      programs.filter(({ attached }) => !attached),
      [],
    );
  });

  it("reports what happens outside of its container", async () => {
    const { pid } = spawnSync("unshare", ["--mount", "true"]);
    await until("unshare", () =>
      events().some(
        (event) => event.type === "syscall" && event.syscall === "unshare" && event.process.pid === pid,
      ),
    );
  });

  it("answers the probes", () => {
    for (const { httpGet } of [
      container!.startupProbe,
      container!.livenessProbe,
      container!.readinessProbe,
    ]) {
      const { status, body } = get(httpGet.path);
      assert.equal(status, 200, body);
    }
  });

  it("keeps the events for those who show the token", () => {
    assert.equal(get("/v1/events").status, 401);
    // A plain request cannot be upgraded, but is let through to the routes.
    assert.equal(get("/v1/events", { authorization: `Bearer ${TOKEN}` }).status, 404);
  });

  it("scans all containers, and leaves out what its own needs", () => {
    const report = JSON.parse(pod.keyhole("scan", "-o", "json")) as ScanReport;
    assert.ok(report.containers.length > 0);
    assert.deepEqual(report.notSeen, []);
    assert.deepEqual(aboutItself(report.findings), []);
    assert.deepEqual(report.suppressed, { "own-container": 1 });
  });

  it("counts what it does not tell of its own container", async () => {
    const suppressed = () =>
      Number(
        /^keyhole_suppressed_findings_total\{reason="own-container"\} (\d+)$/m.exec(
          get("/metrics").body,
        )?.[1],
      );
    await until("the look at its own container", () => suppressed() > 0);
    assert.equal(suppressed(), 1);
    assert.deepEqual(aboutItself(events().filter((event) => event.type === "finding")), []);
  });

  function aboutItself(findings: readonly Pick<FindingEvent, "rule" | "subject">[]): string[] {
    return findings.filter(({ subject }) => subject.id === pod.id).map(({ rule }) => rule);
  }
});

describe("capabilities of the DaemonSet", () => {
  for (const missing of capabilities.add) {
    it(`${missing} is needed`, () => {
      const rest = capabilities.add.filter((name) => name !== missing);
      const bounding = ["-all", ...rest.map((name) => `+${name.toLowerCase()}`)].join(",");
      const { status, stdout, stderr } = spawnSync(
        "setpriv",
        [
          ...["--bounding-set", bounding, "--inh-caps=-all", process.execPath, join(ROOT, "dist/keyhole.js")],
          ...["run", "--listen", "off", "--output", "json"],
        ],
        { encoding: "utf8" },
      );
      assert.deepEqual([status, stdout], [3, ""]);
      assert.match(stderr, new RegExp(`KEYHOLE_NOT_ROOT[^]*without CAP_${missing}\\n`));
    });
  }
});
