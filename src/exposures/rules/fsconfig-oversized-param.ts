import type { Arg, StoryStep } from "../../event.js";
import type { StoryRule } from "../story-act.js";

/**
 * Types whose options the kernel collects in one page, at least up to the release that gave them a parser of their own
 * (legacy_parse_param() of fs/fs_context.c, which is gone in 7.3). Overlay and others that take long options by design
 * are left out.
 */
const LEGACY: readonly string[] = [
  ...["9p", "adfs", "affs", "befs", "bfs", "cgroup", "cifs", "cramfs", "efs", "erofs", "exfat"],
  ...[
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "hfs",
    "hfsplus",
    "hpfs",
    "hugetlbfs",
    "isofs",
    "iso9660",
    "jffs2",
    "jfs",
  ],
  ...["minix", "msdos", "nilfs2", "ntfs", "ntfs3", "ocfs2", "omfs", "qnx4", "qnx6", "reiserfs", "romfs"],
  ...["smb3", "squashfs", "sysv", "ubifs", "udf", "ufs", "vfat", "zonefs"],
];

/** PAGE_SIZE - 1: with so many bytes collected, the check of CVE-2022-0185 let everything pass. */
const MUCH = 4095;

export const fsconfigOversizedParam: StoryRule = {
  id: "fsconfig-oversized-param",
  title: "A container gave a file system more options than fit a page",
  kind: "act",
  severity: "high",
  severityDependsOn: "high where the kernel took them, low where it refused those that did not fit",
  description:
    "A task in a container gave an fs context so many options by fsconfig(2) that they fill the page which the kernel " +
    "collects them in. Before 5.16.2, 5.15.16 and 5.10.93 this wrote beyond the page (CVE-2022-0185), which was used " +
    "to escape from containers; later kernels refuse what does not fit. Looked at are file systems whose options are " +
    "collected so; nobody has use for as many.",
  remediation:
    "Keep the kernel up to date. Use the runtime's seccomp profile, which refuses to make the user namespace that " +
    "fsopen(2) needs.",
  references: [
    "https://nvd.nist.gov/vuln/detail/CVE-2022-0185",
    "https://github.com/torvalds/linux/blob/v6.12/fs/fs_context.c",
    "https://attack.mitre.org/techniques/T1068/",
  ],
  tags: ["mitre:T1068", "mitre:T1611", "pss:Seccomp"],
  needs: ["syscalls", "stories"],
  subsumes: [],
  filesystems: LEGACY,
  evaluate: ({ story, isRuntime }) => {
    if (isRuntime) return [];
    const set = story.steps.filter(({ syscall, args }) => syscall === "fsconfig" && isOption(args.cmd));
    const taken = sum(set.filter(({ ret }) => ret === 0));
    const tried = Math.max(0, ...set.filter(({ ret }) => ret !== 0).map((step) => taken + sizeOf(step)));
    const omitted = story.steps_omitted ?? 0;
    // steps in the middle of a long story are not known: each has set a byte and a comma at least
    const known = taken + 2 * omitted;
    if (known < MUCH && tried < MUCH && omitted === 0) return [];
    const isTaken = known >= MUCH || omitted > 0;
    const { pid } = story.process;
    return [
      {
        place: "fsconfig",
        severity: isTaken ? "high" : "low",
        evidence: [
          {
            fact:
              `process ${pid} set ${set.length + omitted} options of a ${story.fs_type ?? "?"}, ` +
              `${isTaken ? known : tried} bytes or more, by fsconfig` +
              (isTaken ? "" : "; the kernel refused what did not fit"),
          },
        ],
      },
    ];
  },
};

function isOption(cmd: Arg | undefined): boolean {
  return cmd === "FSCONFIG_SET_STRING" || cmd === "FSCONFIG_SET_FLAG";
}

function sum(steps: readonly StoryStep[]): number {
  return steps.reduce((total, step) => total + sizeOf(step), 0);
}

/** As legacy_parse_param() counts: a comma, the key, and with a value the equals sign and it. */
function sizeOf({ args }: StoryStep): number {
  const { key, value, cmd } = args;
  const length = (arg: Arg | undefined) => (typeof arg === "string" ? Buffer.byteLength(arg) : 0);
  return 1 + length(key) + (cmd === "FSCONFIG_SET_STRING" ? 1 + length(value) : 0);
}
