import { formatAddress } from "../../src/config/address.js";
import { type Config, DEFAULTS, type KeyPath, type ListenAddress } from "../../src/config/config.js";
import { flagOf, KEY_PATHS, KEYS, variableOf } from "../../src/config/keys.js";
import { code, table } from "./page.js";

/** Defaults that are not shown as the value that the program holds. */
const SHOWN: Readonly<Partial<Record<KeyPath, (value: unknown) => string>>> = {
  node: () => "`$NODE_NAME`, else the host name",
  listen: (value) => code(formatAddress(value as ListenAddress)),
  "rules.directory": () => "`/etc/keyhole/rules.d` if it exists",
  "ring.size": (value) => code(`${(value as number) / 1024 ** 2}MiB`),
  "inventory.interval": (value) => code(`${(value as number) / 1000}s`),
};

/** What a value is, where it is more than one word. */
const KIND = { one: "", list: " (a list)", pairs: " (pairs of id and severity)" } as const;

/** Every key: how it is written in the file, as a variable and as a flag, its default and its meaning. */
export function configuration(): string {
  const rows = KEY_PATHS.map((path) => {
    const { help, many } = KEYS[path];
    const flag = flagOf(path);
    const meaning = help.replace(/ \(default [^)]*\)$/, "");
    const value = flag.startsWith("--no-") ? "`false`: " : "";
    return [
      code(path),
      code(variableOf(path)),
      code(flag),
      defaultOf(path),
      `${value}${meaning}${KIND[many ?? "one"]}`,
    ];
  });
  return table(["Key", "Variable", "Flag", "Default", "Meaning"], rows);
}

function defaultOf(path: KeyPath): string {
  const value = path
    .split(".")
    .reduce<unknown>((section, key) => (section as never)[key], DEFAULTS satisfies Config);
  const shown = SHOWN[path];
  if (shown !== undefined) return shown(value);
  if (value === null) return "none";
  if (typeof value === "object") return "empty";
  return code(String(value));
}
