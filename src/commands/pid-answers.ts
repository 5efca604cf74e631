import { KeyholeError } from "../errors.js";
import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import { holdTask } from "../kernel/pidfd.js";
import { readProcTask } from "../kernel/proc-tasks.js";
import { NamespaceGraph } from "../namespaces/graph.js";
import { type PidLevel, pidLevels, type UserLevel, userLevels } from "../namespaces/levels.js";
import type { NodeSnapshot } from "../namespaces/snapshot.js";
import { pidOutside } from "../namespaces/translate.js";
import { quoted } from "../publish/neutral.js";
import { Containers } from "../workloads/containers.js";
import {
  ambiguous,
  findPidNamespaces,
  type PidNamespace,
  type PidNamespaceSources,
  withPidNamespace,
} from "./pid-namespaces.js";
import type { PidQuestion } from "./pid-question.js";

/** One process as `keyhole pid --output json` prints it. Pids are those of the host but in `pid_namespaces`. */
export interface ProcessAnswer {
  readonly pid: number;
  /** Another than `pid` where the question was about a thread that is no leader. */
  readonly tid: number;
  readonly ppid: number;
  readonly comm: string;
  readonly exe: string | null;
  /** Nanoseconds since boot, decimal. */
  readonly start: string;
  readonly container: ContainerRef | null;
  /** The innermost first. */
  readonly pid_namespaces: readonly (PidLevel & {
    readonly host: boolean;
    readonly container: ContainerRef | null;
  })[];
  readonly user_namespaces: readonly (UserLevel & { readonly host: boolean })[];
}

/** A process that ends while it is asked about can make room for another with its pid, which is asked about then. */
const ATTEMPTS = 8;

/** Answers the questions of one `keyhole pid`. */
export class PidAnswers {
  readonly #host: HostPath;
  readonly #look: () => Pick<NodeSnapshot, "tasks" | "graph">;
  #graph: NamespaceGraph;
  #containers: Containers;
  #sources: PidNamespaceSources | null = null;

  /** `look` lists all tasks of the node; it is called once, when the first namespace has to be found by its name. */
  constructor(host: HostPath, look: () => Pick<NodeSnapshot, "tasks" | "graph">) {
    this.#host = host;
    this.#look = look;
    this.#graph = new NamespaceGraph({ host });
    this.#containers = new Containers({ host, hostNs: this.#graph.anchors.host, graph: this.#graph });
  }

  /** Throws a KeyholeError whose code begins with KEYHOLE_PID_ where there is no such process or namespace. */
  answer(question: PidQuestion): ProcessAnswer {
    const { pid, ns } = question;
    if (ns === null) {
      const found = this.#retry(() => this.#describe(pid));
      if (found === null) throw noSuchProcess(question, "no such process");
      return found;
    }
    const namespaces = this.#namespacesOf(question, ns);
    const found = namespaces.flatMap((namespace) => {
      const answer = this.#retry(() => this.#inside(namespace, pid));
      return answer === null ? [] : [{ answer, namespace }];
    });
    if (found.length > 1) {
      throw ambiguous(
        ns,
        found.map(({ namespace }) => namespace.container).filter((one) => one !== null),
      );
    }
    if (found.length === 0) {
      const where = namespaces.map(({ inum }) => `pid:[${inum}]`).join(", ");
      throw noSuchProcess(question, `none in ${where}`);
    }
    return found[0]!.answer;
  }

  /** `undefined` of `attempt` means that the process was another at the end. */
  #retry<T>(attempt: () => T | undefined): T | null {
    for (let count = 0; count < ATTEMPTS; count++) {
      const result = attempt();
      if (result !== undefined) return result;
    }
    return null;
  }

  #namespacesOf(question: PidQuestion, ns: string): PidNamespace[] {
    const member = /^@(\d+)$/.exec(ns)?.[1];
    if (member === undefined) return findPidNamespaces(ns, this.#node());
    const task = readProcTask(this.#host, Number(member));
    const inum = task?.ns[LINK_INDEX.pid] ?? 0;
    if (task === null || inum === 0)
      throw task === null ? noSuchProcess(question, `no process ${member}`) : unreadable(task.tid);
    return [{ inum, id: null, members: [task.tid], container: null }];
  }

  /** The process that has number `inside` in `namespace`. */
  #inside(namespace: PidNamespace, inside: number): ProcessAnswer | null | undefined {
    const outside = withPidNamespace(this.#host, namespace, (fd) => pidOutside(this.#host, fd, inside));
    if (outside === null || !outside.ok) return null;
    const answer = this.#describe(outside.pid);
    if (answer === null || answer === undefined) return undefined;
    // The number may have gone to another process since it was translated; the levels are of the one described.
    const level = answer.pid_namespaces.find(({ ns }) => ns === namespace.inum);
    return level?.pid === inside ? answer : undefined;
  }

  /** Null: no such thread. Undefined: it ended meanwhile. */
  #describe(tid: number): ProcessAnswer | null | undefined {
    const handle = holdTask(this.#host, tid);
    if (handle === null) return null;
    try {
      const pids = pidLevels(this.#host, tid, handle);
      const users = userLevels(this.#host, tid, handle);
      const task = readProcTask(this.#host, tid);
      if (pids === null || users === null || task === null) {
        return undefined;
      }
      this.#graph.observe(task);
      // That of the container's init is known before that of the task, which may have come from the host.
      const containers = pids.map(({ init }) => this.#containerOf(init));
      const answer = {
        pid: task.pid,
        tid,
        ppid: task.ppid,
        comm: task.comm,
        exe: task.exe,
        start: String(task.start),
        container: this.#containers.of(task),
        pid_namespaces: pids.map((level, index) => ({
          ...level,
          host: this.#graph.isHost("pid", level.ns ?? 0),
          container: containers[index]!,
        })),
        user_namespaces: users.map((level) => ({
          ...level,
          host: this.#graph.isHost("user", level.ns ?? 0),
        })),
      };
      return handle.exists() ? answer : undefined;
    } finally {
      handle.close();
    }
  }

  #containerOf(pid: number | null): ContainerRef | null {
    const task = pid === null ? null : readProcTask(this.#host, pid);
    if (task === null) return null;
    this.#graph.observe(task);
    return this.#containers.of(task);
  }

  #node(): PidNamespaceSources {
    if (this.#sources !== null) return this.#sources;
    const { tasks, graph } = this.#look();
    this.#graph = graph;
    this.#containers = new Containers({ host: this.#host, hostNs: graph.anchors.host, graph });
    this.#sources = { tasks, graph, containerOf: (task) => this.#containers.of(task) };
    return this.#sources;
  }
}

function noSuchProcess({ asked, ns }: PidQuestion, found: string): KeyholeError {
  return new KeyholeError(`there is no process ${quoted(asked)}`, {
    code: "KEYHOLE_PID_PROCESS",
    expected: ns === null ? "a process or thread of this host" : "a process or thread in that pid namespace",
    found,
    hint: "it may have ended; `ps -eLo pid,tid,pidns,comm` lists those that are there",
    exitCode: 1,
  });
}

function unreadable(tid: number): KeyholeError {
  return new KeyholeError(`the namespaces of process ${tid} may not be read`, {
    code: "KEYHOLE_PID_DENIED",
    expected: "ptrace read access to it (ptrace(2))",
    found: `uid ${process.getuid?.()}, and the kernel refuses`,
    hint: "run keyhole as root of the host",
    exitCode: 1,
  });
}
