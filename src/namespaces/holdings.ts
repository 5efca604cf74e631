import type { NsType } from "../kernel/links.js";
import type { NamespaceFacts } from "./facts.js";
import type { NsMounts } from "./ns-holders.js";
import type { OpenFiles } from "./open-files.js";

/**
 * What can hold a namespace besides tasks, as it was found by looking. What could not be looked at is null: then what
 * was found before stands.
 */
export interface Holdings {
  readonly files: Pick<OpenFiles, "ns" | "namespaces"> | null;
  readonly mounts: Pick<NsMounts, "mounts" | "namespaces"> | null;
  /** The pid namespaces of procfs superblocks, one entry a superblock. */
  readonly superblocks: readonly { readonly pidNs: number }[] | null;
  /** The unique ids of all namespaces that the kernel lists: listns(2), Linux 6.19. */
  readonly listed?: readonly bigint[] | null;
}

/** How many hold one namespace. */
export interface HoldingCounts {
  fds: number;
  sockets: number;
  binds: number;
  procfs: number;
}

/** Everything that was told along with what was found. */
export function factsOf({ files, mounts }: Holdings): readonly NamespaceFacts[] {
  return [...(files?.namespaces ?? []), ...(mounts?.namespaces ?? [])];
}

/** Calls `of` for every holder that was found, and counts it in what that returns. */
export function countHoldings(holdings: Holdings, of: (type: NsType, inum: number) => HoldingCounts): void {
  const { files, mounts, superblocks } = holdings;
  for (const { type, inum, socket } of files?.ns ?? []) of(type, inum)[socket ? "sockets" : "fds"]++;
  for (const { type, inum } of mounts?.mounts ?? []) of(type, inum).binds++;
  for (const { pidNs } of superblocks ?? []) of("pid", pidNs).procfs++;
}
