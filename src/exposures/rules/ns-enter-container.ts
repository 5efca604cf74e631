import { isRuntimeName } from "../../workloads/runtimes.js";
import { type ActRule, whoCalled } from "../act.js";
import { entered } from "./setns-types.js";

export const nsEnterContainer: ActRule = {
  id: "ns-enter-container",
  title: "A process of the host entered a container",
  kind: "act",
  severity: "info",
  description:
    "A process of the host called setns(2) with a namespace of a container: an `exec` into it, a tool that looks " +
    "into it, or somebody at a shell of the node. It is told so that what happens in the container next has an author.",
  remediation:
    "Nothing, where somebody administers the container. Else find out who started the process: whoever can enter " +
    "containers from the host has the host.",
  references: [
    "https://man7.org/linux/man-pages/man2/setns.2.html",
    "https://attack.mitre.org/techniques/T1609/",
  ],
  tags: ["mitre:T1609"],
  needs: ["syscalls"],
  subsumes: [],
  benign: [
    "container runtimes, for `exec`: those whose executables are runc, crun or youki are counted as runtime-setup",
    "CNI plugins and the kubelet's port forwarding enter network namespaces alone: counted as network-setup",
  ],
  syscalls: ["setns"],
  callers: "host",
  mayConcern: ({ ret, direction }) => ret === 0 && direction === "host-to-container",
  evaluate: (act) => {
    const { call } = act;
    const types = entered(call);
    if (types.every((type) => type === "net")) {
      act.suppress("network-setup");
      return [];
    }
    if (isRuntimeName(call.process.exe)) {
      act.suppress("runtime-setup");
      return [];
    }
    const { pid } = call.process;
    const fact = `${whoCalled(call)} of the host entered the ${types.join(", ")} namespace of a container`;
    return [{ place: "setns", severity: "info", evidence: [{ fact, check: `ls -l /proc/${pid}/ns` }] }];
  },
};
