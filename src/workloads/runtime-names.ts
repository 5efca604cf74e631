import type { ContainerRef, PodRef } from "../event.js";

/**
 * What a runtime calls a container; each null where it does not say, or says what can be no such name. The container that
 * only holds a pod's namespaces is called {@link POD_SANDBOX}.
 */
export interface RuntimeNames {
  /** Which runtime has it said, where it tells that. */
  readonly runtime?: string;
  readonly name: string | null;
  readonly image: string | null;
  readonly pod: PodRef | null;
}

/** The annotations that a runtime's specification has of {@link ANNOTATIONS}. */
export type Annotations = ReadonlyMap<string, string>;

/**
 * The name of the container that a runtime starts first in a pod, which waits and keeps the namespaces; it has none with
 * containerd, and this one with CRI-O and in cAdvisor's metrics. Names of other containers of a pod are in small letters.
 */
const POD_SANDBOX = "POD";

/** Whether `container` is the one that holds a pod's namespaces and runs nothing of the pod's. */
export function isPodSandbox({ name, pod }: Pick<ContainerRef, "name" | "pod">): boolean {
  return name === POD_SANDBOX && pod !== null;
}

interface Keys {
  readonly runtime?: string;
  readonly name: string;
  /** Says `sandbox` of what is the {@link POD_SANDBOX}; where it is absent, its name does. */
  readonly type?: string;
  readonly podUid: string;
  readonly podNamespace: string;
  readonly podName: string;
  /** The first that is there counts. */
  readonly images: readonly string[];
}

/** containerd, pkg/cri/annotations/annotations.go; the uid since 1.7. The pod's sandbox has no name and no image. */
const CONTAINERD: Keys = {
  runtime: "containerd",
  type: "io.kubernetes.cri.container-type",
  name: "io.kubernetes.cri.container-name",
  podUid: "io.kubernetes.cri.sandbox-uid",
  podNamespace: "io.kubernetes.cri.sandbox-namespace",
  podName: "io.kubernetes.cri.sandbox-name",
  images: ["io.kubernetes.cri.image-name"],
};

/** What the kubelet calls a container in labels (pkg/kubelet/types/labels.go), which CRI-O makes annotations of. */
const KUBELET: Keys = {
  name: "io.kubernetes.container.name",
  podUid: "io.kubernetes.pod.uid",
  podNamespace: "io.kubernetes.pod.namespace",
  podName: "io.kubernetes.pod.name",
  images: ["io.kubernetes.cri-o.ImageName", "io.kubernetes.cri-o.Image"],
};

/** The annotations that name things. */
export const ANNOTATIONS: ReadonlySet<string> = new Set(
  [CONTAINERD, KUBELET].flatMap(({ images, runtime: _, ...keys }) => [...Object.values(keys), ...images]),
);

/** RFC 1123 labels, as Kubernetes has them for namespaces and containers. */
const LABEL = /^(?=.{1,63}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
/** Names of pods: such labels with dots between. */
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
/** A UUID; 32 hex digits for a static pod. */
const UID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/;
/** Registry, path, tag and digest. */
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,511}$/;
/** moby daemon/names/names.go, RestrictedNameChars. */
const DOCKER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{1,127}$/;

/**
 * What the annotations say of `container`. Only those count that its runtime writes itself, over whatever a pod says: CRI-O
 * hands annotations of the pod on, podman those of the image. Null where there are none of them, and where they are those of
 * another pod than its cgroup's.
 */
export function namesOf(
  annotations: Annotations,
  { runtime, pod }: Pick<ContainerRef, "runtime" | "pod">,
): RuntimeNames | null {
  const keys = keysOf(runtime);
  return keys === null ? null : read(annotations, keys, pod);
}

function keysOf(runtime: string | null): Keys | null {
  if (runtime === "cri-o") return KUBELET;
  // CRI-O's cgroups bear its name with either driver, containerd's with that of systemd
  return runtime === "containerd" || runtime === null ? CONTAINERD : null;
}

function read(annotations: Annotations, keys: Keys, pod: PodRef | null): RuntimeNames | null {
  const uid = fitting(annotations.get(keys.podUid), UID);
  if (uid !== null && pod !== null && pod.uid !== null && uid !== pod.uid) return null;
  const namespace = fitting(annotations.get(keys.podNamespace), LABEL);
  const podName = fitting(annotations.get(keys.podName), SUBDOMAIN);
  const said = annotations.get(keys.name);
  const isSandbox = keys.type === undefined ? said === POD_SANDBOX : annotations.get(keys.type) === "sandbox";
  const name = isSandbox ? POD_SANDBOX : fitting(said, LABEL);
  const images = keys.images.map((key) => fitting(annotations.get(key), IMAGE));
  const image = images.find((one) => one !== null) ?? null;
  const isNamed = namespace !== null || podName !== null || uid !== null;
  if (!isNamed && name === null && image === null) return null;
  return {
    ...(keys.runtime !== undefined && { runtime: keys.runtime }),
    ...{ name, image, pod: isNamed ? { uid: uid ?? pod?.uid ?? null, namespace, name: podName } : pod },
  };
}

/**
 * What Docker says of `container` in its config.v2.json (moby container/container.go); null where the text is none, or that of
 * another container. Labels can be the image's own: those of the kubelet count where they have the uid of the pod that
 * the cgroup is of.
 */
export function namesOfDocker(
  text: string,
  { id, pod }: Pick<ContainerRef, "id" | "pod">,
): RuntimeNames | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const file = parsed as {
    readonly ID?: unknown;
    readonly Name?: unknown;
    readonly Config?: { readonly Image?: unknown; readonly Labels?: unknown } | null;
  } | null;
  if (file?.ID !== id) return null;
  const image = fitting(file.Config?.Image, IMAGE);
  const labels = annotationsOf(file.Config?.Labels);
  if (pod?.uid != null && labels.get(KUBELET.podUid) === pod.uid) {
    const names = read(labels, KUBELET, pod);
    if (names !== null) return { ...names, runtime: "docker", image };
  }
  const name = typeof file.Name === "string" ? fitting(file.Name.replace(/^\//, ""), DOCKER_NAME) : null;
  return { runtime: "docker", name, image, pod };
}

/** Of the members of an object, or a list of `KEY=VALUE`, those of {@link ANNOTATIONS}. */
export function annotationsOf(value: unknown): Annotations {
  const annotations = new Map<string, string>();
  if (typeof value !== "object" || value === null) return annotations;
  const pairs: Iterable<readonly [string, unknown]> = Array.isArray(value)
    ? value.filter((one) => typeof one === "string").map(split)
    : Object.entries(value);
  for (const [key, text] of pairs) {
    if (typeof text === "string" && ANNOTATIONS.has(key)) annotations.set(key, text);
  }
  return annotations;
}

function split(pair: string): readonly [string, string] {
  const end = pair.indexOf("=");
  return end < 0 ? [pair, ""] : [pair.slice(0, end), pair.slice(end + 1)];
}

function fitting(text: unknown, grammar: RegExp): string | null {
  return typeof text === "string" && grammar.test(text) ? text : null;
}
