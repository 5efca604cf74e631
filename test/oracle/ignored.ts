import type { StraceCall } from "./parse.js";

/** Of the flags of mount(2), those with which strace takes it that neither type nor data is read. */
const WITHOUT_TYPE = ["MS_BIND", "MS_MOVE", "MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"];
/** MOUNT_ATTR_SIZE_VER0 and CLONE_ARGS_SIZE_VER0 of include/uapi/linux: less is refused unread. */
const MOUNT_ATTR_SIZE = 32n;
const CLONE_ARGS_SIZE = 64n;
/** The most that FSCONFIG_SET_BINARY takes: fs/fsopen.c */
const MAX_BLOB = 1024n * 1024n;
/** The commands of fsconfig(2) that take neither key nor value. */
const COMMANDS = ["FSCONFIG_CMD_CREATE", "FSCONFIG_CMD_RECONFIGURE", "FSCONFIG_CMD_CREATE_EXCL"];

/** The pointers that strace shows as addresses without a look at what is there. */
export function ignoredArguments({ name, args }: StraceCall): readonly string[] {
  const number = (index: number): bigint => {
    const value = args[index]?.value;
    return value?.kind === "number" ? value.value : 0n;
  };
  const has = (index: number, ...names: readonly string[]): boolean => {
    const value = args[index]?.value;
    return value?.kind === "names" && value.names.some((one) => names.includes(one));
  };
  switch (name) {
    case "mount":
      if (has(3, "MS_REMOUNT")) return ["filesystemtype"];
      return has(3, ...WITHOUT_TYPE) ? ["filesystemtype", "data"] : [];
    case "fsconfig": {
      const blob = has(1, "FSCONFIG_SET_BINARY") && (number(4) < 0n || number(4) > MAX_BLOB);
      const set = args[1]?.value.kind === "names" && !has(1, ...COMMANDS);
      return [...(set ? [] : ["key"]), ...(blob ? ["value"] : [])];
    }
    case "mount_setattr":
    case "open_tree_attr":
      return number(4) < MOUNT_ATTR_SIZE ? ["attr"] : [];
    case "clone3":
      return number(1) < CLONE_ARGS_SIZE ? ["cl_args"] : [];
    default:
      return [];
  }
}
