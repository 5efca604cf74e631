export { LibbpfError, type LibbpfErrorCode } from "./errors.js";
export type { LibbpfSource } from "./find.js";
export { type Libbpf, loadLibbpf, possibleCpus } from "./libbpf.js";
export type { BpfLink } from "./link.js";
export type { BpfMap } from "./map.js";
export type { BpfObject } from "./object.js";
export type { BpfProgram, ProgramInfo } from "./program.js";
export { type OnRecord, RingBuffer, type RingBufferOptions, type RunOptions } from "./ring-buffer.js";
export { enableStats } from "./stats.js";
