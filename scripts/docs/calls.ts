import { type ArgKind, CALLS, OPEN_CALLS } from "../../src/capture/calls.js";
import {
  CLONE_FLAGS,
  CLONE3_FLAGS,
  type FlagTable,
  FSCONFIG_COMMANDS,
  MOUNT_ATTR,
  MOUNT_FLAGS,
  PROPAGATION,
} from "../../src/kernel/flags.js";
import { OPEN_FLAG_NAMES, RESOLVE } from "../../src/kernel/open-flags.js";
import { code, table } from "./page.js";

type Kind = ArgKind["kind"];

/** How an argument is shown; a flag word's names are added to it. */
const SHOWN: Readonly<Record<Kind, string>> = {
  fd: "number: a file descriptor",
  "root-fd": 'number: a file descriptor, or `"FD_FAILFS_ROOT"`',
  dirfd: 'number: a file descriptor, or `"AT_FDCWD"`',
  int: "number, signed",
  unsigned: "number",
  pointer: "the address as a hexadecimal string, null for 0",
  string: "string, null for a null pointer",
  options: "string, null for a null pointer; [secrets](#secrets) are taken out",
  flags: "list of flags",
  "mount-flags": "list of flags; `MS_MGC_VAL` where an old caller set that magic number",
  "clone-flags": "list of flags, the exit signal last, as `SIGCHLD`",
  "fsconfig-command": "name of the command",
  "fsconfig-value":
    'string for `FSCONFIG_SET_STRING` and `FSCONFIG_SET_PATH`; `{"base64":…}` for `FSCONFIG_SET_BINARY`; else the address',
  "fsconfig-aux": 'number, or `"AT_FDCWD"` where the command takes a directory',
  "mount-attr": "object: `attr_set`, `attr_clr` and `propagation` (lists of flags), `userns_fd` (number)",
  "clone-args":
    "object with the members of struct clone_args: `flags` (list), `exit_signal` (name), addresses, numbers",
  "open-flags": "list of flags, how it is opened first",
  "open-mode": 'string in octal digits, as `"0644"`; absent where the flags do not ask for it',
  "open-how": "object: `flags` and `resolve` (lists of flags), `mode` (as of open)",
};

/** The names that stand in an argument, by its kind. */
function namesOf(how: ArgKind): readonly string[] {
  const names = (flags: FlagTable) => flags.map(([name]) => name);
  switch (how.kind) {
    case "flags":
      return names(how.table);
    case "mount-flags":
      return names(MOUNT_FLAGS);
    case "clone-flags":
      return names(CLONE_FLAGS);
    case "clone-args":
      return names(CLONE3_FLAGS);
    case "mount-attr":
      return [...names(MOUNT_ATTR), ...names(PROPAGATION)];
    case "fsconfig-command":
      return FSCONFIG_COMMANDS;
    case "open-flags":
      return OPEN_FLAG_NAMES;
    case "open-how":
      return [...OPEN_FLAG_NAMES, ...names(RESOLVE)];
    default:
      return [];
  }
}

/** The captured calls with their arguments, then the names of flags by argument. */
export function calls(): string {
  const all = [...CALLS, ...OPEN_CALLS];
  const rows = all.flatMap(({ name, args }) =>
    args.map(([argument, how], index) => [index === 0 ? code(name) : "", code(argument), SHOWN[how.kind]]),
  );
  const flags = all.flatMap(({ name, args }) =>
    args
      .filter(([, how]) => namesOf(how).length > 0)
      .map(([argument, how]) => [code(`${name}.${argument}`), namesOf(how).map(code).join(", ")]),
  );
  return `${table(["Call", "Argument", "Shown as"], rows)}\n\n${table(["Argument", "Names"], flags)}`;
}
