import { LibbpfError } from "./errors.js";
import type { Library, Pointer } from "./library.js";

/** One opened bpf_object, shared by the object, its programs and its maps: closing it ends all of them. */
export class ObjectHandle {
  readonly library: Library;
  readonly name: string;
  readonly pointer: Pointer;
  state: "open" | "loaded" | "closed" = "open";

  constructor(library: Library, name: string, pointer: Pointer) {
    this.library = library;
    this.name = name;
    this.pointer = pointer;
  }

  /** Throws LIBBPF_STATE once the object is closed: its pointers and file descriptors are gone. */
  assertNotClosed(what: string): void {
    if (this.state === "closed") throw new LibbpfError("LIBBPF_STATE", `${what}: ${this.name} is closed`);
  }

  /** Throws LIBBPF_STATE unless the object is open and not loaded yet. */
  assertNotLoaded(what: string): void {
    this.assertNotClosed(what);
    if (this.state === "loaded")
      throw new LibbpfError("LIBBPF_STATE", `${what}: ${this.name} is already loaded`);
  }

  /** Throws LIBBPF_STATE unless the object is loaded. */
  assertLoaded(what: string): void {
    this.assertNotClosed(what);
    if (this.state === "open")
      throw new LibbpfError("LIBBPF_STATE", `${what}: ${this.name} is not loaded yet`);
  }
}
