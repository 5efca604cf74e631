import { closeSync, openSync, readSync } from "node:fs";
import type { AgentEvent, FindingEvent, KeyholeEvent } from "../../../src/event.js";

const CHUNK_BYTES = 1 << 20;
/** Time, stream, whether the line goes on in the next one, and what was written. */
const LINE = /^\S+ stdout ([FP]) (.*)$/;

/** The log of a container of the agent, as the kubelet has it. A busy node makes it longer than a string can be. */
export class PodLog {
  readonly #path: string;
  readonly #events: (AgentEvent | FindingEvent)[] = [];
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #offset = 0;
  /** What came without its newline yet, and without the rest of what was written. */
  #rest: Buffer = Buffer.alloc(0);
  #line = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** What the agent said of itself and what it found, so far. */
  read(): readonly (AgentEvent | FindingEvent)[] {
    const fd = openSync(this.#path, "r");
    try {
      for (;;) {
        const count = readSync(fd, this.#chunk, 0, CHUNK_BYTES, this.#offset);
        if (count === 0) return this.#events;
        this.#offset += count;
        this.#take(Buffer.concat([this.#rest, this.#chunk.subarray(0, count)]));
      }
    } finally {
      closeSync(fd);
    }
  }

  #take(bytes: Buffer): void {
    const end = bytes.lastIndexOf("\n") + 1;
    this.#rest = bytes.subarray(end);
    for (const text of bytes.toString("utf8", 0, end).split("\n")) {
      const [, mark, part] = LINE.exec(text) ?? [];
      if (part === undefined) continue;
      this.#line += part;
      if (mark === "P") continue;
      const line = this.#line;
      this.#line = "";
      if (!/"type":"(?:agent|finding)"/.test(line)) continue;
      const event = JSON.parse(line) as KeyholeEvent;
      if (event.type === "agent" || event.type === "finding") this.#events.push(event);
    }
  }
}
