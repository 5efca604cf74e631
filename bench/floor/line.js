/**
 * usage: node line.js OBJECT json|none
 *
 * The way of an event with the least code: the minimal BPF program (OBJECT, bench/programs/consumer.bpf.c), the ring of
 * @keyhole/libbpf with the wake-ups that the agent has, and each record as the line that bench/programs/consumer.c
 * prints; "none" reads the members and makes no line. No task table, no namespaces, no rules.
 */
import { writeSync } from "node:fs";
import { loadLibbpf, RingBuffer } from "@keyhole/libbpf";

/** __NR_setns, asm/unistd.h */
const SETNS = process.arch === "arm64" ? 268 : 308;

const object = loadLibbpf().open(process.argv[2] ?? "");
object.setGlobal("number", SETNS);
object.load();
object.program("call_returned").attach();
const ring = new RingBuffer(object.map("ring"), { maxRecord: 4096 });
const bytes = Buffer.from(ring.u8.buffer, ring.u8.byteOffset, ring.u8.byteLength);
let lines = "";
let told = 0n;
/** Keeps what is read from being optimised away. */
let sum = 0;

/** struct record of bench/programs/consumer.h. @param {number} at */
function line(at) {
  const { u64, i64, u32, i32 } = ring;
  const [long, int] = [at >>> 3, at >>> 2];
  const comm = bytes.subarray(at + 136, bytes.indexOf(0, at + 136)).toString("latin1");
  lines +=
    `{"time":${u64[long]},"type":"syscall","syscall":"setns","args":{"fd":${i32[int + 4]},"nstype":${i32[int + 6]}},` +
    `"ret":${i64[long + 1]},"process":{"pid":${u32[int + 20]},"tid":${u32[int + 21]},"ppid":${u32[int + 22]},` +
    `"uid":${u32[int + 23]},"gid":${u32[int + 24]},"comm":"${comm}","start":"${u64[long + 8]}",` +
    `"cgroup":${u64[long + 9]}},"namespaces":{"mnt":${u32[int + 25]},"uts":${u32[int + 26]},"ipc":${u32[int + 27]},` +
    `"net":${u32[int + 28]},"user":${u32[int + 29]},"cgroup":${u32[int + 30]},"time":${u32[int + 31]},` +
    `"pid_for_children":${u32[int + 32]},"time_for_children":${u32[int + 33]}}}\n`;
}

/** @param {number} at */
function read(at) {
  const { u64, i64, u32 } = ring;
  sum += Number(u64[at >>> 3]) + Number(i64[(at >>> 3) + 1]) + Number(u64[(at >>> 3) + 8]);
  for (let word = (at >>> 2) + 4; word < (at >>> 2) + 34; word++) sum += u32[word] ?? 0;
}

function flush() {
  const lost = new BigUint64Array(object.getGlobal("lost").slice().buffer)[0] ?? 0n;
  if (lost !== told) lines += `{"type":"lost","reason":"ring-full","count":${lost - told}}\n`;
  told = lost;
  const buffer = Buffer.from(lines);
  for (let written = 0; written < buffer.length; ) written += writeSync(1, buffer, written);
  lines = "";
}

const prints = process.argv[3] === "json";
process.once("SIGTERM", () => process.exit(sum < 0 ? 1 : 0));
if (!prints) writeSync(1, "ready\n");
await ring.run(prints ? line : read, { onBatch: prints ? flush : () => {}, limit: 256 });
