import { closeSync, fsyncSync, writeFileSync } from "node:fs";
import { KeyholeError } from "../errors.js";
import type { Exposures } from "../exposures/engine.js";
import type { FindingChange } from "../exposures/findings.js";
import { type EngineInputs, Recorder, type RecordingStart } from "../exposures/recorder.js";
import { createRecording, type RecordingFile, type RecordingLoss } from "../exposures/recording-writer.js";
import { Publisher } from "../publish/publisher.js";

/** The recording of a scan, which has all the time that the disk needs. Throws KEYHOLE_RECORD. */
export class ScanNotes {
  readonly #path: string;
  readonly #fd: number;
  readonly #recorder: Recorder;
  readonly #publisher: Publisher;

  constructor(file: RecordingFile, { node, ...start }: RecordingStart & { readonly node: string }) {
    this.#path = file.path;
    this.#fd = createRecording(file);
    const losses = new Map<RecordingLoss, number>();
    this.#recorder = new Recorder(
      {
        losses,
        push: (line) => {
          this.#write(line);
          return true;
        },
        lose: (reason) => {
          losses.set(reason, (losses.get(reason) ?? 0) + 1);
          this.#write(JSON.stringify({ lost: 1, reason }));
          return false;
        },
        close: async () => {},
      },
      { node },
    );
    this.#recorder.begin(start);
    this.#publisher = new Publisher({ node });
    this.#publisher.addSink(this.#recorder);
  }

  get now(): () => string {
    return this.#recorder.now;
  }

  /** `engine`, with a note of everything that it is told. */
  around(engine: Exposures, seesSuperblocks: boolean): EngineInputs {
    const facts = ["mountinfo", "host-procfs", "pid-namespace-tree"] as const;
    this.#recorder.facts(seesSuperblocks ? [...facts, "procfs-pid-namespace"] : facts);
    return this.#recorder.around(engine);
  }

  publish(changes: readonly FindingChange[]): void {
    for (const change of changes) this.#publisher.publish({ time: this.#recorder.now(), ...change });
  }

  #write(line: string): void {
    try {
      writeFileSync(this.#fd, `${line}\n`);
    } catch (error) {
      throw new KeyholeError(`the recording ${this.#path} cannot be written`, {
        code: "KEYHOLE_RECORD",
        found: (error as NodeJS.ErrnoException).code ?? String(error),
        hint: "make room, or choose another file",
        cause: error,
      });
    }
  }

  close(): void {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }
}
