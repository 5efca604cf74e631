/** What bpf/namespaces.h tells of namespaces, as fields behind the records of iterators. */
import { NS_TYPES, type NsType } from "../kernel/links.js";
import { nsfsSupport } from "../kernel/nsfs-support.js";
import type { NamespaceFacts } from "../namespaces/facts.js";
import { type Field, FieldId, NAMESPACE, type Wire } from "./wire.js";

/** The namespace type of an enum kh_link; null for what is none of the eight. */
export function readType(type: number): NsType | null {
  return NS_TYPES[type] ?? null;
}

let showsMountIds: boolean | null = null;

/**
 * The unique id of a namespace, decimal; null where the kernel has none. That of a mount namespace is in the kernel's
 * memory since long, but nothing else can name it by that before Linux 6.11.
 */
export function readId(type: NsType, id: bigint): string | null {
  if (id === 0n) return null;
  showsMountIds ??= nsfsSupport().some(({ name, supported }) => name === "NS_GET_MNTNS_ID" && supported);
  return type === "mnt" && !showsMountIds ? null : String(id);
}

/** Appends to `into` what `fields` tell of namespaces. */
export function readNamespaces(wire: Wire, fields: readonly Field[], into: NamespaceFacts[]): void {
  for (const { id, at } of fields) {
    if (id !== FieldId.namespace) continue;
    const facts = readNamespace(wire, at);
    if (facts !== null) into.push(facts);
  }
}

/** struct kh_namespace at `at`. */
function readNamespace(wire: Wire, at: number): NamespaceFacts | null {
  const type = readType(wire.u32(at + NAMESPACE.type));
  if (type === null) return null;
  const hasLevel = type === "pid" || type === "user";
  return {
    type,
    inum: wire.u32(at + NAMESPACE.inum),
    id: readId(type, wire.u64(at + NAMESPACE.id)),
    owner: wire.u32(at + NAMESPACE.owner),
    parent: wire.u32(at + NAMESPACE.parent),
    level: hasLevel ? wire.u32(at + NAMESPACE.level) : null,
    ownerUid: type === "user" ? wire.u32(at + NAMESPACE.uid) : null,
    mountEvent: type === "mnt" ? wire.u64(at + NAMESPACE.event) : null,
    mountCount: type === "mnt" ? Math.max(0, wire.u32(at + NAMESPACE.mounts) - 1) : null,
  };
}
