import { type Mount, parseMountinfo } from "../../src/kernel/mountinfo.js";

/** The mount table of a container as runc makes it, by what each line is for. */
const RUNC: Readonly<Record<string, string>> = {
  root: "65 43 254:0 /rootfs / rw,relatime - ext4 /dev/vda rw",
  proc: "66 65 0:40 / /proc rw,relatime - proc proc rw",
  dev: "67 65 0:41 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755",
  sys: "71 65 0:44 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro",
  bus: "44 66 0:40 /bus /proc/bus ro,relatime - proc proc rw",
  fs: "45 66 0:40 /fs /proc/fs ro,relatime - proc proc rw",
  irq: "46 66 0:40 /irq /proc/irq ro,relatime - proc proc rw",
  procSys: "47 66 0:40 /sys /proc/sys ro,relatime - proc proc rw",
  acpi: "48 66 0:46 / /proc/acpi ro,relatime - tmpfs tmpfs ro",
  keys: "49 66 0:41 /null /proc/keys rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755",
  timerList: "50 66 0:41 /null /proc/timer_list rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755",
  firmware: "51 71 0:47 / /sys/firmware ro,relatime - tmpfs tmpfs ro",
};

export type RuncLine = keyof typeof RUNC;

export function mounts(...lines: readonly string[]): Mount[] {
  return parseMountinfo(Buffer.from(lines.map((line) => `${line}\n`).join("")));
}

/** That table without the lines named and with those of `more` at its end. */
export function runcMounts(without: readonly RuncLine[] = [], more: readonly string[] = []): Mount[] {
  const lines = Object.entries(RUNC).filter(([name]) => !without.includes(name));
  return mounts(...lines.map(([, line]) => line), ...more);
}

/** What lies on /proc and /sys. */
export const MASKS: readonly RuncLine[] = ["acpi", "keys", "timerList", "firmware"];
export const READONLY: readonly RuncLine[] = ["bus", "fs", "irq", "procSys"];
