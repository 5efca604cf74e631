import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** fsopen(2), fsconfig(2) with FSCONFIG_CMD_CREATE, fsmount(2); the numbers of the calls are those of <sys/syscall.h>. */
const SOURCE = `
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  int context = syscall(SYS_fsopen, "proc", 0);
  if (context < 0 || syscall(SYS_fsconfig, context, 6, 0, 0, 0) != 0) return 1;
  if (syscall(SYS_fsmount, context, 0, 0) < 0) return 2;
  close(context);
  for (;;) pause();
}
`;

/** Builds `holder` in `directory`: a program that makes a procfs that is mounted nowhere, and keeps it. Returns its path. */
export function buildHolder(directory: string): string {
  const path = join(directory, "holder");
  writeFileSync(`${path}.c`, SOURCE);
  execFileSync("gcc", ["-static", "-Os", "-o", path, `${path}.c`]);
  return path;
}
