import type { ActRule } from "./act.js";
import type { ContainerView } from "./container-view.js";
import type { Rule, RuleInfo } from "./rule.js";
import { nsEnterHost } from "./rules/ns-enter-host.js";
import { procDefaultGaps } from "./rules/proc-default-gaps.js";
import { procForeignPidnsVisible } from "./rules/proc-foreign-pidns-visible.js";
import { procHidepidWeakened } from "./rules/proc-hidepid-weakened.js";
import { procHostPidnsVisible } from "./rules/proc-host-pidns-visible.js";
import { procHostSuperblockBound } from "./rules/proc-host-superblock-bound.js";
import { procMaskMissing } from "./rules/proc-mask-missing.js";
import { procMaskRemoved } from "./rules/proc-mask-removed.js";
import { procMountInContainer } from "./rules/proc-mount-in-container.js";
import { procReadonlyMissing } from "./rules/proc-readonly-missing.js";
import { procRemountWritable } from "./rules/proc-remount-writable.js";
import { procSysWritable } from "./rules/proc-sys-writable.js";
import { procUnmasked } from "./rules/proc-unmasked.js";

/** About one container. The order is that of what they subsume: the most specific first. */
export const POSTURE_RULES: readonly Rule<ContainerView>[] = [
  procHostSuperblockBound,
  procHostPidnsVisible,
  procForeignPidnsVisible,
  procUnmasked,
  procSysWritable,
  procMaskMissing,
  procReadonlyMissing,
];

/** About what the containers of a node have in common: one finding for the node. */
export const NODE_RULES: readonly Rule<ContainerView>[] = [procDefaultGaps];

/** About one system call of a container's task. */
export const ACT_RULES: readonly ActRule[] = [
  nsEnterHost,
  procMaskRemoved,
  procRemountWritable,
  procMountInContainer,
];

export const CATALOGUE: readonly RuleInfo[] = [
  ...POSTURE_RULES,
  ...NODE_RULES,
  ...ACT_RULES,
  procHidepidWeakened,
];
