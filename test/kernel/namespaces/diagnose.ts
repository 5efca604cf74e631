import { doctor } from "../../../src/commands/doctor.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { startRefusal } from "../../../src/kernel/privileges.js";

/** Prints what doctor and the start of the agent make of the process this runs in, as one JSON object. */
let text = "";
const status = await doctor({ output: "json", write: (part) => (text += part) });
const refusal = startRefusal(new HostPath());
const verdict = JSON.parse(text) as object;
console.log(
  JSON.stringify({ ...verdict, status, refusal: refusal?.code ?? null, hint: refusal?.hint ?? null }),
);
