import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse, stringify } from "yaml";
import { METRIC_DEFINITIONS } from "../../src/publish/metrics.js";
import { ROOT } from "./manifests.js";
import { groupings, wrongNames } from "./promql.js";

const DASHBOARDS = join(ROOT, "dashboards");

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: object;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: object;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
}

interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly refresh: number;
  readonly multi: boolean;
  readonly allValue?: string;
  readonly datasource?: object;
  readonly definition?: string;
}

interface Dashboard {
  readonly id: null;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly editable: boolean;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

const dashboard = JSON.parse(readFileSync(join(DASHBOARDS, "keyhole.json"), "utf8")) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const targets = panels.flatMap((panel) => panel.targets ?? []);
const variable = (name: string) => `\${${name}}`;
const DATASOURCE = { type: "prometheus", uid: variable("datasource") };

/** A duration for each variable that Grafana replaces by one, and a value for the others. */
function substituted(expression: string): string {
  return expression.replace("$__rate_interval", "5m").replace("$__range", "1h").replace(/\$\w+/g, ".+");
}

/** Runs promtool; its output when it fails. */
function promtool(...args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync("promtool", args, {
    encoding: "utf8",
    cwd: DASHBOARDS,
  });
  assert.equal(error, undefined, "promtool is needed (Debian: apt-get install prometheus)");
  assert.equal(status, 0, stdout + stderr);
}

describe("the Grafana dashboard", () => {
  it("can be imported anywhere", () => {
    assert.equal(dashboard.id, null);
    assert.equal(dashboard.uid, "keyhole");
    assert.equal(dashboard.schemaVersion, 42);
    assert.equal(dashboard.editable, false);
    const [datasource, ...queries] = dashboard.templating.list;
    assert.deepEqual(
      [datasource?.name, datasource?.label, datasource?.type],
      ["datasource", "Data Source", "datasource"],
    );
    assert.deepEqual(
      queries.map(({ name }) => name),
      ["job", "instance"],
    );
    for (const query of queries) {
      assert.deepEqual([query.refresh, query.multi, query.allValue], [2, true, ".+"]);
      assert.deepEqual(query.datasource, DATASOURCE);
      assert.match(query.definition ?? "", /^label_values\(keyhole_build_info\b.*, (job|instance)\)$/);
    }
  });

  it("says what each panel shows, and in which unit", () => {
    for (const { title, description, datasource, fieldConfig, targets } of panels) {
      assert.ok(title.length > 0);
      assert.match(description ?? "", /\.$/, title);
      assert.ok(fieldConfig?.defaults.unit, title);
      assert.deepEqual(datasource, DATASOURCE, title);
      assert.ok((targets ?? []).length > 0, title);
      for (const target of targets ?? []) assert.deepEqual(target.datasource, DATASOURCE, title);
    }
  });

  it("has panels that do not lie on each other", () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [index, { gridPos: a, title }] of panels.entries()) {
      assert.ok(a.x + a.w <= 24, title);
      for (const { gridPos: b, title: other } of panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        assert.ok(apart, `${title} and ${other}`);
      }
    }
  });

  it("asks for metrics and labels that exist, of the chosen targets", () => {
    for (const { expr, legendFormat } of targets) {
      assert.deepEqual(wrongNames(expr), [], expr);
      const selectors = expr.match(/\{/g)?.length ?? 0;
      assert.equal(expr.split('{job=~"$job", instance=~"$instance"').length - 1, selectors, expr);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(groupings(expr).includes(label!), `${label} in ${expr}`);
      }
    }
  });

  it("takes rates of counters, over an interval that fits the scrapes, and of nothing else", () => {
    const types = new Map(METRIC_DEFINITIONS.map(({ name, type }) => [name, type]));
    for (const { expr } of targets) {
      for (const [name] of expr.matchAll(/\b(?:keyhole|process|nodejs)_[a-z_]+\b/g)) {
        const rated = new RegExp(
          `\\b(?:rate|increase)\\(${name}\\{[^}]*\\}\\[\\$__(?:rate_interval|range)\\]\\)`,
        );
        assert.equal(rated.test(expr), types.get(name) === "counter", expr);
      }
    }
  });

  it("shows every metric of Keyhole's own", () => {
    const shown = targets.map(({ expr }) => expr).join("\n");
    const missing = METRIC_DEFINITIONS.filter(
      ({ name }) => name.startsWith("keyhole_") && !shown.includes(name),
    );
    assert.deepEqual(missing, []);
  });

  it("has expressions that Prometheus can parse", () => {
    const directory = mkdtempSync(join(tmpdir(), "keyhole-dashboard-"));
    try {
      const rules = targets.map(({ expr }, index) => ({ record: `panel:${index}`, expr: substituted(expr) }));
      const file = join(directory, "rules.yaml");
      writeFileSync(file, stringify({ groups: [{ name: "dashboard", rules }] }));
      promtool("check", "rules", file);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("the alert rules", () => {
  interface Rule {
    readonly alert: string;
    readonly expr: string;
    readonly labels: { readonly severity: string };
    readonly annotations: { readonly summary: string; readonly description: string };
  }
  const { groups } = parse(readFileSync(join(DASHBOARDS, "alerts.yaml"), "utf8")) as {
    groups: { rules: Rule[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);

  it("are about metrics and labels that exist", () => {
    for (const { alert, expr, annotations } of rules) {
      assert.deepEqual(wrongNames(expr), [], alert);
      assert.ok(annotations.summary && annotations.description, alert);
    }
  });

  it("are each tested by promtool", () => {
    const text = readFileSync(join(DASHBOARDS, "alerts_test.yaml"), "utf8");
    for (const { alert } of rules) assert.match(text, new RegExp(`alertname: ${alert}\\n {8}exp_alerts:`));
    promtool("check", "rules", "alerts.yaml");
    promtool("test", "rules", "alerts_test.yaml");
  });
});
