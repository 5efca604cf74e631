import type { HostPath } from "../kernel/host-path.js";
import { startRefusal } from "../kernel/privileges.js";
import { isRuntimeRootHosts, runtimeRoot } from "../workloads/runtime-root.js";
import { hasSpecPlaces } from "../workloads/spec-places.js";
import { readHostProcDev } from "./container-view.js";
import { FACTS, type Fact } from "./rule.js";

/** What comes of programs in the kernel, which `keyhole run` alone has. */
const BY_PROGRAMS: readonly Fact[] = [
  "procfs-pid-namespace",
  "pid-namespace-tree",
  "syscalls",
  "procfs-options",
  "stories",
  "descriptors",
  "opens",
];

/**
 * The facts that `keyhole run` would have on this node, as far as that can be told without starting it. `opens`: whether it is
 * to look at the files that containers open.
 */
export function availableFacts(host: HostPath, { opens }: { readonly opens: boolean }): ReadonlySet<Fact> {
  const lacking = new Set<Fact>();
  if (!opens) lacking.add("opens");
  if (!isRuntimeRootHosts(host) && !hasSpecPlaces(runtimeRoot(host))) lacking.add("runtime-spec");
  if (readHostProcDev(host) === null) lacking.add("host-procfs");
  const programs = startRefusal(host) === null;
  if (!programs) for (const fact of BY_PROGRAMS) lacking.add(fact);
  return new Set(FACTS.filter((fact) => !lacking.has(fact)));
}
