import koffi from "koffi";

/** What went wrong; stable, so that a program can switch on it. */
export type LibbpfErrorCode =
  /** No libbpf in any of the three places. */
  | "LIBBPF_NOT_FOUND"
  /** KEYHOLE_LIBBPF names a file that somebody other than root can change. */
  | "LIBBPF_UNTRUSTED"
  /** A shared object was found and is no libbpf 1.x. */
  | "LIBBPF_UNSUPPORTED"
  /** The object file could not be opened or parsed. */
  | "LIBBPF_OPEN"
  /** The kernel refused the object; `log` has the verifier's reasons. */
  | "LIBBPF_LOAD"
  /** A program could not be attached. */
  | "LIBBPF_ATTACH"
  /** A test run was refused. */
  | "LIBBPF_RUN"
  /** An iterator could not be created or read. */
  | "LIBBPF_ITER"
  /** An operation on a map failed, or a key or value has the wrong size. */
  | "LIBBPF_MAP"
  /** No such global variable, a value that does not fit it, or it is too late to set it. */
  | "LIBBPF_GLOBAL"
  /** No such program or map. */
  | "LIBBPF_UNKNOWN_NAME"
  /** The object was closed, or is not loaded yet (or is already loaded). */
  | "LIBBPF_STATE"
  /** The kernel refused to say something about a program, or to keep run-time statistics. */
  | "LIBBPF_INFO"
  /** The ring buffer could not be mapped or waited for. */
  | "LIBBPF_RING";

/** Every error that this package throws on purpose. */
export class LibbpfError extends Error {
  readonly code: LibbpfErrorCode;
  /** The name of the errno, `EPERM`; its number as text where it has no name; null where there was none. */
  readonly errno: string | null;
  /** What libbpf and the verifier logged meanwhile, `""` if nothing. */
  readonly log: string;

  constructor(
    code: LibbpfErrorCode,
    message: string,
    details: { errno?: number | undefined; log?: string; cause?: unknown } = {},
  ) {
    const name = details.errno === undefined ? null : errnoName(details.errno);
    super(
      name === null ? message : `${message}: ${name}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = "LibbpfError";
    this.code = code;
    this.errno = name;
    this.log = details.log ?? "";
  }
}

const names = new Map<number, string>();
// Some numbers have two names (errno(3)): the alphabetically first one of each is the usual one, but for EOPNOTSUPP.
for (const [name, number] of Object.entries(koffi.os.errno)) {
  if (!names.has(number) || name === "EOPNOTSUPP") names.set(number, name);
}
// The kernel's own, include/linux/errno.h: not meant for user space, and what many BPF calls return all the same.
names.set(524, "ENOTSUPP");
// enum libbpf_errno, bpf/libbpf_legacy.h.
const LIBBPF_ERRNO_START = 4000;
[
  "LIBELF",
  "FORMAT",
  "KVERSION",
  "ENDIAN",
  "INTERNAL",
  "RELOC",
  "LOAD",
  "VERIFY",
  "PROG2BIG",
  "KVER",
  "PROGTYPE",
  "WRNGPID",
  "INVSEQ",
  "NLPARSE",
].forEach((name, index) => {
  names.set(LIBBPF_ERRNO_START + index, `LIBBPF_ERRNO__${name}`);
});

/** The name of an errno, whichever sign it comes with; the number as text if it has none. */
export function errnoName(errno: number): string {
  return names.get(Math.abs(errno)) ?? String(Math.abs(errno));
}
