/**
 * Options whose values are secrets: cifs (password, pass), ceph (secret, key), 9p and nfs helpers,
 * FUSE file systems that take a password as an option. Compared without regard to case.
 */
const SECRET_KEYS = new Set([
  "key",
  "pass",
  "password",
  "password2",
  "passwd",
  "passphrase",
  "pw",
  "secret",
  "secret_key",
  "token",
]);

export const REDACTED = "[redacted]";

/** Whether a list of options can have a secret in it at all: few do, and every mount(2) is looked at. */
const MAY_BE_SECRET = new RegExp(`(?:^|,)\\s*(?:${[...SECRET_KEYS].join("|")})\\s*=`, "i");

/** Is the value of the mount option `key` a secret? */
export function isSecret(key: string): boolean {
  return SECRET_KEYS.has(key.toLowerCase());
}

/** `options`, a comma-separated list, without the values of secrets; the same string where it has none. */
export function redactOptions(options: string): string {
  if (!MAY_BE_SECRET.test(options)) return options;
  let found = false;
  const items = options.split(",").map((item) => {
    const equals = item.indexOf("=");
    if (equals < 0 || !isSecret(item.slice(0, equals).trim())) return item;
    found = true;
    return `${item.slice(0, equals)}=${REDACTED}`;
  });
  return found ? items.join(",") : options;
}
