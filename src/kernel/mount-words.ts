import { isUtf8 } from "node:buffer";
import { InternTable } from "./intern.js";
import type { Mount, Propagation } from "./mountinfo.js";

/** What a line of mountinfo has behind the ids and the device; many mounts have the same. */
export type MountRest = Omit<Mount, "id" | "parent" | "dev">;

/** The exact bytes of the fields that are not UTF-8. */
export type Raw<F extends string> = { readonly [field in F]?: Buffer };

/** What seq_dentry() puts after the path of an unlinked directory or file; no real path has two slashes. */
export const DELETED_MARK = "//deleted";

/** Among the options of a mount. */
export const IDMAPPED = "idmapped";

interface MountLine {
  readonly text: string;
  readonly rest: MountRest | null;
}

const LIMIT = 4096;
/** Of how many lines of a table the ones of the table before are kept. */
const LINES = 256;
const LONGEST = 256;

const NOT_ASCII = /[\x80-\xff]/;

/** The words of mount tables, of which tables that are read with the same object share what is equal. */
export class MountWords {
  readonly #texts = new InternTable<string>(LIMIT, LONGEST);
  readonly #options = new InternTable<readonly string[]>(LIMIT, LONGEST);
  readonly #propagations = new InternTable<Propagation>(LIMIT, LONGEST);
  readonly #lines = new InternTable<MountLine>(LIMIT, LONGEST);
  /** Those of the table before, by their place. */
  readonly #last: MountLine[] = [];
  #at = 0;
  #idmapped = false;

  /** One string for equal ones. `text` is ASCII. */
  text(text: string): string {
    return this.#texts.get(text, same);
  }

  /**
   * A list of options as mountinfo has it, without its escapes. A comma within a value is escaped
   * (seq_show_option() of include/linux/seq_file.h), but for the security modules' options, which stand in quotes when
   * they have one (security_sb_show_options()).
   */
  options(field: string): readonly string[] {
    return this.#options.get(field, (own) => {
      const words = own.match(/(?:[^,"]|"[^"]*"|")+/g) ?? [];
      const options = words.map((word) => this.utf8(unescapeOctal(word)));
      this.#idmapped ||= options.includes(IDMAPPED);
      return options;
    });
  }

  /** Whether any options so far are those of an idmapped mount. */
  get hasIdmapped(): boolean {
    return this.#idmapped;
  }

  /** The optional fields of a line, in the kernel's words. */
  propagation(field: string): Propagation {
    return this.#propagations.get(field, readPropagation);
  }

  /** The lines of another table follow. */
  begin(): void {
    this.#at = 0;
  }

  /**
   * A line of mountinfo from its root on: `text` from `start` to the newline at `end`. Null where it is not of the
   * kernel's format. Tables are alike line by line, so that the same line of the one before is tried first.
   */
  rest(text: string, start: number, end: number): MountRest | null {
    const at = this.#at++;
    const last = this.#last[at];
    if (last !== undefined && last.text.length === end - start && text.startsWith(last.text, start)) {
      return last.rest;
    }
    const line = this.#lines.get(text.slice(start, end), (own) => ({ text: own, rest: this.#readRest(own) }));
    if (at < LINES) this.#last[at] = line;
    return line.rest;
  }

  /** `text`, which has one character a byte, as UTF-8. */
  utf8(text: string): string {
    return NOT_ASCII.test(text) ? Buffer.from(text, "latin1").toString("utf8") : this.text(text);
  }

  /** `root point options optional… - type source super-options` */
  #readRest(text: string): MountRest | null {
    const pointAt = text.indexOf(" ") + 1;
    const optionsAt = pointAt === 0 ? 0 : text.indexOf(" ", pointAt) + 1;
    const optionalAt = optionsAt === 0 ? 0 : text.indexOf(" ", optionsAt) + 1;
    // The kernel escapes spaces within fields, so that this cannot be part of one.
    const separator = optionalAt === 0 ? -1 : text.indexOf(" - ", optionalAt - 1);
    if (separator < 0) return null;
    const [type = "", device = ""] = text.slice(separator + 3).split(" ", 2);
    const fields = {
      root: unescapeOctal(text.slice(0, pointAt - 1)),
      point: unescapeOctal(text.slice(pointAt, optionsAt - 1)),
      fsType: unescapeOctal(type),
      source: unescapeOctal(device),
    };
    const root = this.utf8(fields.root);
    const deleted = root.endsWith(DELETED_MARK);
    const raw = rawFields(fields);
    return {
      root: deleted ? root.slice(0, -DELETED_MARK.length) : root,
      point: this.utf8(fields.point),
      options: this.options(text.slice(optionsAt, optionalAt - 1)),
      propagation: this.propagation(text.slice(optionalAt, separator)),
      fsType: this.utf8(fields.fsType),
      source: this.utf8(fields.source),
      superOptions: this.options(text.slice(separator + 3 + type.length + 1 + device.length + 1)),
      ...(deleted ? { deleted } : {}),
      ...(raw === null ? {} : { raw }),
    };
  }
}

/**
 * The bytes of those of `fields` that are not UTF-8; null where there are none. The fields have one character a byte
 * and no escapes.
 */
export function rawFields<F extends string>(fields: Readonly<Record<F, string>>): Raw<F> | null {
  let raw: Raw<F> | null = null;
  for (const name in fields) {
    if (!NOT_ASCII.test(fields[name])) continue;
    const bytes = Buffer.from(fields[name], "latin1");
    if (!isUtf8(bytes)) raw = { ...raw, [name]: bytes } as Raw<F>;
  }
  return raw;
}

/** Undoes mangle_path() of fs/seq_file.c: `\040` is a space. `text` has one character a byte. */
export function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function readPropagation(field: string): Propagation {
  const propagation: { -readonly [key in keyof Propagation]: Propagation[key] } = {};
  for (const tag of field.split(" ")) {
    const [name, value] = tag.split(":", 2);
    if (name === "shared") propagation.shared = Number(value);
    else if (name === "master") propagation.master = Number(value);
    else if (name === "propagate_from") propagation.propagateFrom = Number(value);
    else if (name === "unbindable") propagation.unbindable = true;
  }
  return propagation;
}

function same(text: string): string {
  return text;
}
