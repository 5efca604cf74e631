import { type Annotations, annotationsOf } from "./runtime-names.js";
import type { SpecPlace } from "./spec-places.js";

/** What a runtime was told to do for a container, as far as its pseudo file systems are concerned. */
export interface RuntimeSpec {
  /** The file on the host that says so. */
  readonly file: string;
  /** linux.maskedPaths of the OCI runtime specification. */
  readonly masked: readonly string[];
  /** linux.readonlyPaths. */
  readonly readonly: readonly string[];
}

/** A list with more paths is not used; the longest that ships has about 20, and one more for each processor. */
const MAX_PATHS = 2048;

type Json = { readonly [member: string]: unknown };

/** Reads the text of a file in one of the formats of {@link SpecPlace}, of a container whose first process is `pid`. */
export function parseSpec(text: string, { path, format }: SpecPlace, pid: number): RuntimeSpec | null {
  return format === "config" ? parseConfig(text, path) : parseRuncState(text, path, pid);
}

/**
 * The annotations that name things in the text of such a file, whosever it is: runc has them among the labels of its state
 * (libcontainer/specconv/spec_linux.go, CreateLibcontainerConfig). Null where it is none.
 */
export function parseAnnotations(text: string, format: SpecPlace["format"]): Annotations | null {
  const file = parse(text);
  if (file === null) return null;
  if (format === "config") return annotationsOf(file.annotations);
  return isObject(file.config) ? annotationsOf(file.config.labels) : null;
}

/**
 * Reads the text of a config.json (OCI runtime specification, "Linux Container Configuration"); null where it is none. A list
 * that is not there is empty.
 */
function parseConfig(text: string, file: string): RuntimeSpec | null {
  const config = parse(text);
  if (config === null || typeof config.ociVersion !== "string") return null;
  const linux = isObject(config.linux) ? config.linux : {};
  return specOf(file, linux.maskedPaths, linux.readonlyPaths);
}

/**
 * Reads the text of runc's state.json (libcontainer/container_linux.go, State), which has what the runtime made of its
 * specification; null where it is none, or that of a container whose first process is not `pid`.
 */
function parseRuncState(text: string, file: string, pid: number): RuntimeSpec | null {
  const state = parse(text);
  if (state === null || state.init_process_pid !== pid || !isObject(state.config)) return null;
  return specOf(file, state.config.mask_paths, state.config.readonly_paths);
}

function parse(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    // it is being written, or is something else
    return null;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Half of a list would say that the container was to have less: it is as if there were none. */
function specOf(file: string, masked: unknown, readonly: unknown): RuntimeSpec | null {
  if ([masked, readonly].some((list) => Array.isArray(list) && list.length > MAX_PATHS)) return null;
  return { file, masked: pathsOf(masked), readonly: pathsOf(readonly) };
}

/** Of one list those that can be paths of procfs or sysfs as a runtime's specification writes them. */
function pathsOf(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  const paths = list.filter((path): path is string => typeof path === "string");
  return paths.map((path) => path.replace(/\/+$/, "")).filter((path) => PSEUDO.test(path));
}

/** Nothing with a part that is a dot or two, and nothing of a process: what the host has there is not the container's. */
const PSEUDO = /^\/(?:proc|sys)(?!\/(?:self|thread-self|\d+)(?:\/|$))(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/;
