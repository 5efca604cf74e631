import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const BASE = join(ROOT, "deploy/kubernetes/base");
export const COMPONENTS = join(ROOT, "deploy/kubernetes/components");

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly Variable[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: {
    readonly runAsUser: number;
    readonly privileged: boolean;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
    readonly seccompProfile: { readonly type: string };
    readonly appArmorProfile: { readonly type: string };
  };
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: { readonly limits: Readonly<Record<string, string>> };
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly: boolean;
  }[];
}

export interface PodSpec {
  readonly hostPID: boolean;
  readonly hostUsers: boolean;
  readonly hostNetwork?: boolean;
  readonly hostIPC?: boolean;
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly tolerations: readonly { readonly key?: string; readonly operator: string }[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly [source: string]: unknown }[];
}

export interface DaemonSet {
  readonly kind: "DaemonSet";
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
  };
}

/** The YAML file `name` below deploy/kubernetes/base. */
export function readBase<T>(name: string): T {
  return parse(readFileSync(join(BASE, name), "utf8")) as T;
}

export function readDaemonSet(): DaemonSet {
  return readBase<DaemonSet>("daemonset.yaml");
}

/** The names of the components' folders. */
export function componentNames(): string[] {
  return readdirSync(COMPONENTS).sort();
}

/**
 * The environment of the container as the kubelet makes it: `fields` are the values of the downward API, and
 * `$(NAME)` stands for a variable that is listed before.
 */
export function environmentOf(
  { env }: Container,
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { name, value, valueFrom } of env) {
    const text = value ?? fields[valueFrom?.fieldRef.fieldPath ?? ""];
    if (text === undefined) throw new Error(`${name} has no value`);
    result[name] = text.replace(/\$\((\w+)\)/g, (whole, other: string) => result[other] ?? whole);
  }
  return result;
}
