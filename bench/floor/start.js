/**
 * The least that can be done on the way to a first event: Node, libbpf, the same programs as the agent's, and one line
 * for each record of a setns(2). JavaScript, since the agent runs compiled too.
 */
import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadLibbpf, RingBuffer } from "@keyhole/libbpf";

/** __NR_setns, asm/unistd.h */
const SETNS = process.arch === "arm64" ? 268 : 308;
/** KH_OP_SETNS of bpf/event.h */
const OP_SETNS = 1;
const LINE = '{"syscall":"setns","process":{"pid":1}}\n';

const path = fileURLToPath(new URL(`../../bpf/${process.arch}/capture.bpf.o`, import.meta.url));
const object = loadLibbpf().open(path);
const calls = new Uint16Array(512);
calls[SETNS] = OP_SETNS;
object.setGlobal("calls", new Uint8Array(calls.buffer));
object.load();
for (const program of object.programs) if (!program.section.startsWith("iter/")) program.attach();
const ring = new RingBuffer(object.map("ring"));
process.once("SIGTERM", () => process.exit(0));
await ring.run(() => void writeSync(1, LINE));
