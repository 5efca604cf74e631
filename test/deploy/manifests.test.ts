import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load.js";
import { version } from "../../src/config/version.js";
import { healthRoute, readyRoute } from "../../src/publish/routes.js";
import {
  BASE,
  COMPONENTS,
  componentNames,
  environmentOf,
  ROOT,
  readBase,
  readDaemonSet,
} from "./manifests.js";

const { template, selector } = readDaemonSet().spec;
const pod = template.spec;
const [container] = pod.containers;

interface Kustomization {
  readonly resources?: readonly string[];
  readonly configMapGenerator?: readonly { readonly name: string; readonly files: readonly string[] }[];
  readonly patches?: readonly { readonly patch: string }[];
}

describe("the DaemonSet", () => {
  it("is in the host's pid namespace and in none of its others", () => {
    assert.equal(pod.hostPID, true);
    assert.equal(pod.hostUsers, true);
    assert.equal(pod.hostNetwork, undefined);
    assert.equal(pod.hostIPC, undefined);
    assert.deepEqual(
      pod.volumes.filter((volume) => "hostPath" in volume),
      [],
    );
  });

  it("has three capabilities and cannot get more", () => {
    const security = container!.securityContext;
    // test/kernel/deploy/pod.test.ts starts the agent with these, and without each of them.
    assert.deepEqual(security.capabilities, { drop: ["ALL"], add: ["BPF", "PERFMON", "SYS_PTRACE"] });
    assert.equal(security.privileged, false);
    assert.equal(security.allowPrivilegeEscalation, false);
    assert.equal(security.readOnlyRootFilesystem, true);
    assert.equal(security.runAsUser, 0);
    assert.equal(security.seccompProfile.type, "RuntimeDefault");
    assert.equal(security.appArmorProfile.type, "Unconfined");
  });

  it("has no credentials for the API server", () => {
    assert.equal(pod.automountServiceAccountToken, false);
    const account = readBase<{ metadata: { name: string }; automountServiceAccountToken: boolean }>(
      "serviceaccount.yaml",
    );
    assert.equal(account.metadata.name, pod.serviceAccountName);
    assert.equal(account.automountServiceAccountToken, false);
  });

  it("runs on every node", () => {
    assert.deepEqual(pod.tolerations, [{ operator: "Exists" }]);
  });

  it("starts the image of this version with arguments of `keyhole run`", () => {
    assert.equal(pod.containers.length, 1);
    assert.equal(container!.image, `keyhole:${version()}`);
    assert.deepEqual(container!.args, ["run", "--config", "/etc/keyhole/keyhole.yaml"]);
    assert.deepEqual(selector.matchLabels, { "app.kubernetes.io/name": "keyhole" });
    assert.equal(template.metadata.labels["app.kubernetes.io/name"], "keyhole");
  });

  for (const podIP of ["10.0.0.7", "fd00::7"]) {
    it(`has a configuration that is valid, with the pod's address ${podIP}`, async () => {
      const env = environmentOf(container!, { "spec.nodeName": "worker-1", "status.podIP": podIP });
      const file = join(BASE, "keyhole.yaml");
      const { config, files } = await loadConfig({ file, env, flags: {} });
      assert.deepEqual(files, [file]);
      assert.equal(config.node, "worker-1");
      assert.deepEqual(config.listen, { host: podIP, port: container!.ports[0]!.containerPort });
      assert.equal(config.output, "json");
      const token = container!.volumeMounts.find(({ name }) => name === "token");
      assert.equal(config.token_file, join(token!.mountPath, "token"));
    });
  }

  it("mounts what it names, read-only", () => {
    const { configMapGenerator } = readBase<Kustomization>("kustomization.yaml");
    assert.deepEqual(configMapGenerator, [{ name: "keyhole", files: ["keyhole.yaml"] }]);
    assert.deepEqual(
      pod.volumes.find(({ name }) => name === "config"),
      { name: "config", configMap: { name: "keyhole" } },
    );
    assert.deepEqual(
      container!.volumeMounts.map(({ name }) => name).sort(),
      pod.volumes.map(({ name }) => name).sort(),
    );
    for (const mount of container!.volumeMounts) assert.equal(mount.readOnly, true, mount.name);
  });

  it("is probed where the agent answers, without a token", () => {
    const [port] = container!.ports;
    const open = new Set(
      [healthRoute(() => 0), readyRoute(() => [])].map((route) => route.open && route.path),
    );
    for (const { httpGet } of [
      container!.startupProbe,
      container!.livenessProbe,
      container!.readinessProbe,
    ]) {
      assert.equal(httpGet.port, port!.name);
      assert.ok(open.has(httpGet.path), httpGet.path);
    }
    const { annotations } = template.metadata;
    assert.equal(annotations["prometheus.io/port"], String(port!.containerPort));
    assert.equal(annotations["prometheus.io/path"], "/metrics");
  });
});

describe("kustomizations", () => {
  it("name files that exist", () => {
    const folders = [BASE, ...componentNames().map((name) => join(COMPONENTS, name))];
    for (const folder of folders) {
      const { resources = [] } = parse(
        readFileSync(join(folder, "kustomization.yaml"), "utf8"),
      ) as Kustomization;
      for (const name of resources) assert.ok(existsSync(join(folder, name)), join(folder, name));
    }
  });

  it("of components patch paths that the DaemonSet has", () => {
    let patched = 0;
    for (const name of componentNames()) {
      const file = join(COMPONENTS, name, "kustomization.yaml");
      for (const { patch } of (parse(readFileSync(file, "utf8")) as Kustomization).patches ?? []) {
        for (const { path } of parse(patch) as { path: string }[]) {
          const parts = path
            .split("/")
            .slice(1)
            .filter((part) => part !== "-");
          const found = parts.reduce<unknown>((value, part) => (value as Record<string, unknown>)?.[part], {
            ...readDaemonSet(),
          });
          assert.notEqual(found, undefined, `${name}: ${path}`);
          patched++;
        }
      }
    }
    assert.equal(patched, 4);
  });

  it("are all in docs/deployment.md", () => {
    const text = readFileSync(join(ROOT, "docs/deployment.md"), "utf8");
    for (const name of componentNames())
      assert.ok(text.includes(`deploy/kubernetes/components/${name})`), name);
  });
});
