import { KeyholeError } from "../errors.js";
import type { Severity } from "../event.js";
import type { ActRule } from "./act.js";
import type { ContainerView } from "./container-view.js";
import type { Exception } from "./exception.js";
import type { InstanceChange, Rule, RuleInfo } from "./rule.js";
import { cgroupfsWritable } from "./rules/cgroupfs-writable.js";
import { devNullTampered } from "./rules/dev-null-tampered.js";
import { fsconfigOversizedParam } from "./rules/fsconfig-oversized-param.js";
import { masksAdvisoryCap } from "./rules/masks-advisory-cap.js";
import { mntnsCreatedByFd } from "./rules/mntns-created-by-fd.js";
import { nsDefaultShared } from "./rules/ns-default-shared.js";
import { nsEnterComposite } from "./rules/ns-enter-composite.js";
import { nsEnterContainer } from "./rules/ns-enter-container.js";
import { nsEnterHost } from "./rules/ns-enter-host.js";
import { nsEnterPidfdForeign } from "./rules/ns-enter-pidfd-foreign.js";
import { nsSharedWithHost } from "./rules/ns-shared-with-host.js";
import { procDefaultGaps } from "./rules/proc-default-gaps.js";
import { procDetachedMount } from "./rules/proc-detached-mount.js";
import { procExtraMount } from "./rules/proc-extra-mount.js";
import { procFdDetached } from "./rules/proc-fd-detached.js";
import { procFileOverlaid } from "./rules/proc-file-overlaid.js";
import { procForeignPidnsVisible } from "./rules/proc-foreign-pidns-visible.js";
import { procHidepidOffShared } from "./rules/proc-hidepid-off-shared.js";
import { procHidepidWeakened } from "./rules/proc-hidepid-weakened.js";
import { procHostPidnsVisible } from "./rules/proc-host-pidns-visible.js";
import { procHostSuperblockBound } from "./rules/proc-host-superblock-bound.js";
import { procLxcfsWritable } from "./rules/proc-lxcfs-writable.js";
import { procMaskBypassedAtCreate } from "./rules/proc-mask-bypassed-at-create.js";
import { procMaskMissing } from "./rules/proc-mask-missing.js";
import { procMaskRemoved } from "./rules/proc-mask-removed.js";
import { procMaskWrongSource } from "./rules/proc-mask-wrong-source.js";
import { procMountInContainer } from "./rules/proc-mount-in-container.js";
import { procNestedMountRefused } from "./rules/proc-nested-mount-refused.js";
import { procOvermounted } from "./rules/proc-overmounted.js";
import { procPidHidden } from "./rules/proc-pid-hidden.js";
import { procPidnsOption } from "./rules/proc-pidns-option.js";
import { procPropagationShared } from "./rules/proc-propagation-shared.js";
import { procReadonlyMissing } from "./rules/proc-readonly-missing.js";
import { procRemountWritable } from "./rules/proc-remount-writable.js";
import { procSubsetChanged } from "./rules/proc-subset-changed.js";
import { procSubtreeBind } from "./rules/proc-subtree-bind.js";
import { procSysWritable } from "./rules/proc-sys-writable.js";
import { procUnknownDefault } from "./rules/proc-unknown-default.js";
import { procUnknownEntry } from "./rules/proc-unknown-entry.js";
import { procUnmasked } from "./rules/proc-unmasked.js";
import { sysSpecialFsMounted } from "./rules/sys-special-fs-mounted.js";
import { sysWritable } from "./rules/sys-writable.js";
import { usernsMapsHostRoot } from "./rules/userns-maps-host-root.js";
import { usernsOverlayMount } from "./rules/userns-overlay-mount.js";
import { usernsUnshareInContainer } from "./rules/userns-unshare-in-container.js";
import type { StoryRule } from "./story-act.js";

/** What the user changed about the rules: `rules` of the configuration, and the overrides of rule files. */
export interface RuleOverrides {
  /** Ids of rules whose findings are not wanted. */
  readonly disable: readonly string[];
  /** Severity by rule id, in place of what the rule finds. */
  readonly severity: { readonly [rule: string]: Severity };
}

/** All rules that are looked at, and what spares what they find. */
export interface RuleSet {
  /** About one container. The order is that of what they subsume: the most specific first. */
  readonly posture: readonly Rule<ContainerView>[];
  /** About what the containers of a node have in common: one finding for the node. */
  readonly node: readonly Rule<ContainerView>[];
  /** About one system call of a container's task. */
  readonly acts: readonly ActRule[];
  /** About a mount story that a container's task began. */
  readonly stories: readonly StoryRule[];
  /** About a procfs superblock whose options changed. */
  readonly instances: readonly Rule<InstanceChange>[];
  readonly exceptions: readonly Exception[];
  readonly overrides: RuleOverrides;
}

export const NO_OVERRIDES: RuleOverrides = { disable: [], severity: {} };

/** The typed detectors that Keyhole comes with, and nothing that spares what they find. */
export const DETECTORS: RuleSet = {
  posture: [
    procMaskWrongSource,
    procMaskBypassedAtCreate,
    procOvermounted,
    procHostSuperblockBound,
    procHostPidnsVisible,
    procForeignPidnsVisible,
    procExtraMount,
    procPidHidden,
    procSubtreeBind,
    procFdDetached,
    procUnmasked,
    procSysWritable,
    procMaskMissing,
    procReadonlyMissing,
    procUnknownEntry,
    procFileOverlaid,
    procLxcfsWritable,
    procPropagationShared,
    procHidepidOffShared,
    masksAdvisoryCap,
    nsSharedWithHost,
    usernsMapsHostRoot,
    sysWritable,
    sysSpecialFsMounted,
    cgroupfsWritable,
  ],
  node: [procDefaultGaps, procUnknownDefault, nsDefaultShared],
  acts: [
    nsEnterComposite,
    nsEnterPidfdForeign,
    nsEnterHost,
    nsEnterContainer,
    procMaskRemoved,
    procRemountWritable,
    devNullTampered,
    procMountInContainer,
    procPidnsOption,
    mntnsCreatedByFd,
    usernsOverlayMount,
    usernsUnshareInContainer,
    procNestedMountRefused,
  ],
  stories: [procDetachedMount, fsconfigOversizedParam],
  instances: [procHidepidWeakened, procSubsetChanged],
  exceptions: [],
  overrides: NO_OVERRIDES,
};

/** Every rule of `set`, in the order in which they are listed. */
export function allRules({ posture, node, acts, stories, instances }: RuleSet): readonly RuleInfo[] {
  return [...posture, ...node, ...acts, ...stories, ...instances];
}

/** `set` with `overrides` on top of its own. Throws KEYHOLE_RULE_UNKNOWN when one names a rule that is not in it. */
export function withOverrides(set: RuleSet, overrides: RuleOverrides): RuleSet {
  const ids = new Set(allRules(set).map(({ id }) => id));
  for (const id of [...overrides.disable, ...Object.keys(overrides.severity)]) {
    if (ids.has(id)) continue;
    throw new KeyholeError(`there is no rule "${id}"`, {
      code: "KEYHOLE_RULE_UNKNOWN",
      expected: [...ids].join(", "),
      found: id,
    });
  }
  const { disable, severity } = set.overrides;
  return {
    ...set,
    overrides: {
      disable: [...disable, ...overrides.disable],
      severity: { ...severity, ...overrides.severity },
    },
  };
}
