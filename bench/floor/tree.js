/**
 * The least that a command can take which reads every task by BPF: Node.js, libbpf, the agent's own iterator, one read and a
 * line of how much that was.
 */
import { fileURLToPath } from "node:url";
import { loadLibbpf } from "@keyhole/libbpf";

const object = loadLibbpf().open(
  fileURLToPath(new URL(`../../bpf/${process.arch}/probes.bpf.o`, import.meta.url)),
);
for (const program of object.programs) if (program.name !== "tasks") program.setAutoload(false);
object.load();
const link = object.program("tasks").attachIter();
process.stdout.write(`${link.read().length} bytes\n`);
link.detach();
object.close();
