/** What a record says about mounts, made into what events show: where its paths lead, and which mount came of it. */
import type { MountFields } from "../capture/mount-fields.js";
import type { Superblock } from "../capture/target.js";
import type { Arg, MountState, NamespaceRef } from "../event.js";
import { callerPath } from "../mounts/caller-path.js";
import { MountClaims } from "../mounts/claims.js";
import { mountState } from "../mounts/mount-state.js";

/** The arguments that start from `base` and from `toBase` of a record, by call. */
const PATHS: Readonly<Record<string, readonly [first: string, second?: string]>> = {
  mount: ["target"],
  umount: ["target"],
  umount2: ["target"],
  fspick: ["path"],
  open_tree: ["path"],
  open_tree_attr: ["path"],
  mount_setattr: ["path"],
  move_mount: ["from_path", "to_path"],
  pivot_root: ["new_root"],
  chroot: ["path"],
};

/** Calls whose descriptor is the mount, where they come with an empty path. */
const BY_DESCRIPTOR: ReadonlySet<string> = new Set(["move_mount", "mount_setattr"]);

/** Calls whose records have something for {@link MountResolver}. */
const CALLS: ReadonlySet<string> = new Set([
  ...Object.keys(PATHS),
  "fsopen",
  "fsconfig",
  "fsmount",
  "fchroot",
]);

/** A call, as far as mounts are concerned. */
export interface MountCall {
  readonly name: string;
  readonly args: { readonly [name: string]: Arg };
  readonly fields: MountFields;
  readonly superblock: Superblock | null;
  /** Whether another thread can have written the strings after the kernel read them. */
  readonly rewritable: boolean;
  readonly succeeded: boolean;
}

export interface MountFacts {
  /** Paths of `args` that are relative, or start from a descriptor, as seen from the caller's root. */
  readonly resolved?: { readonly [name: string]: string };
  readonly mount?: MountState;
  readonly root?: string;
}

const NOTHING: MountFacts = {};

export class MountResolver {
  readonly #claims = new MountClaims();
  readonly #namespace: (inum: number) => NamespaceRef;

  /** `namespace` gives the reference to a mount namespace by its inode number. */
  constructor(namespace: (inum: number) => NamespaceRef) {
    this.#namespace = namespace;
  }

  static concerns(call: string): boolean {
    return CALLS.has(call);
  }

  /** Mount namespaces that were forgotten. */
  get evictions(): number {
    return this.#claims.evictions;
  }

  resolve(call: MountCall): MountFacts {
    const { fields, succeeded, superblock } = call;
    const resolved = resolvedPaths(call);
    const { mount, root } = fields;
    // a call that failed changed nothing, whatever its descriptor is
    if (!succeeded) return resolved === undefined ? NOTHING : { resolved };
    return {
      ...(resolved === undefined ? undefined : { resolved }),
      ...(mount === null || !this.#isOwn(call)
        ? undefined
        : { mount: mountState(mount, superblock, this.#namespace) }),
      ...(root === null ? undefined : { root }),
    };
  }

  /**
   * Whether the mount of the record is what the call was about. Of mount(2) it is the newest one of the namespace; of
   * move_mount(2) and mount_setattr(2) that behind the descriptor, if the kernel read an empty path too.
   */
  #isOwn({ name, args, fields, rewritable }: MountCall): boolean {
    const { mount, base, file } = fields;
    if (mount === null) return false;
    if (name === "mount") {
      const target = typeof args.target === "string" ? args.target : null;
      return this.#claims.take({ mount, target: callerPath(target, base), rewritable });
    }
    this.#claims.note(mount);
    if (!BY_DESCRIPTOR.has(name) || !rewritable) return true;
    // from a descriptor of fsmount(2) or open_tree(2) no path leads to a mount of its own
    return file !== null && file.made !== 0n;
  }
}

function resolvedPaths({ name, args, fields }: MountCall): Record<string, string> | undefined {
  const [first, second] = PATHS[name] ?? [];
  let resolved: Record<string, string> | undefined;
  const put = (arg: string | undefined, base: string | null) => {
    const given = arg === undefined ? null : args[arg];
    // the path of an absolute one is what stands in `args`
    if (arg === undefined || base === null || typeof given !== "string") return;
    const path = callerPath(given, base);
    if (path !== null) resolved = { ...resolved, [arg]: path };
  };
  put(first, fields.base);
  put(second, fields.toBase);
  return resolved;
}
