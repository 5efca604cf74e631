/** Bits of include/uapi/linux/capability.h, of the capabilities that decide about entries of procfs. */
const CAPABILITY_BITS = {
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_SETPCAP: 8,
  CAP_NET_ADMIN: 12,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;

export type CapabilityName = keyof typeof CAPABILITY_BITS;

export const CAPABILITY_NAMES = Object.keys(CAPABILITY_BITS) as CapabilityName[];

/** Whether the capability is in `set` (capabilities(7)), a bit mask. What CAP_SYS_ADMIN has always given, it still gives. */
export function includes(set: bigint, name: CapabilityName): boolean {
  const has = (bit: number) => ((set >> BigInt(bit)) & 1n) === 1n;
  // checkpoint_restore_ns_capable() of include/linux/capability.h
  if (name === "CAP_CHECKPOINT_RESTORE" && has(CAPABILITY_BITS.CAP_SYS_ADMIN)) return true;
  return has(CAPABILITY_BITS[name]);
}

/** The bit mask of a set that has these. */
export function capabilityBits(names: readonly CapabilityName[]): bigint {
  return names.reduce((set, name) => set | (1n << BigInt(CAPABILITY_BITS[name])), 0n);
}
