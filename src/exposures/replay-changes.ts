import type { FindingEvent, FindingSubject, Severity } from "../event.js";
import type { FindingChange } from "./findings.js";

/** A finding that came out otherwise than in the recording. */
export interface ReplayChange {
  readonly change: "new" | "gone" | "changed";
  readonly id: string;
  readonly rule: string;
  readonly title: string;
  readonly subject: FindingSubject;
  /** As it was last in the recording and in the replay; null where it was not. */
  readonly recorded: Severity | null;
  readonly replayed: Severity | null;
  /** Members that differ, of a changed one. */
  readonly differs: readonly string[];
}

interface Told {
  recorded: FindingChange | null;
  replayed: FindingChange | null;
  /** How often it was published. */
  recordings: number;
  replays: number;
  readonly differs: Set<string>;
}

/** Compares the findings of a replay with those that are in the recording, each time one of them is told. */
export class ReplayChanges {
  readonly #told = new Map<string, Told>();

  /** Both came of the same input. */
  pair(recorded: FindingChange, replayed: FindingChange): void {
    const told = this.#of(recorded.id);
    told.recorded = recorded;
    told.replayed = replayed;
    told.recordings += 1;
    told.replays += 1;
    for (const member of membersThatDiffer(recorded, replayed)) told.differs.add(member);
  }

  /** The rules of the replay did not find it at that place. */
  onlyRecorded(recorded: FindingChange): void {
    const told = this.#of(recorded.id);
    told.recorded = recorded;
    told.recordings += 1;
    told.differs.add("when it was told");
  }

  /** The rules of the recording did not find it at that place. */
  onlyReplayed(replayed: FindingChange): void {
    const told = this.#of(replayed.id);
    told.replayed = replayed;
    told.replays += 1;
    told.differs.add("when it was told");
  }

  /** How many findings are the same in both. */
  get same(): number {
    return [...this.#told.values()].filter(({ differs }) => differs.size === 0).length;
  }

  /** Findings of the replay as they were told last, in the order in which they were found. */
  findings(): FindingChange[] {
    return [...this.#told.values()].flatMap(({ replayed }) => (replayed === null ? [] : [replayed]));
  }

  /** What is new, gone or changed. */
  changes(): ReplayChange[] {
    return [...this.#told]
      .filter(([, { differs }]) => differs.size > 0)
      .map(([id, { recorded, replayed, differs }]) => {
        const { rule, title, subject } = (replayed ?? recorded)!;
        return {
          change: recorded === null ? "new" : replayed === null ? "gone" : "changed",
          ...{ id, rule, title, subject },
          recorded: recorded?.severity ?? null,
          replayed: replayed?.severity ?? null,
          differs: recorded === null || replayed === null ? [] : [...differs],
        } as const;
      });
  }

  #of(id: string): Told {
    let told = this.#told.get(id);
    if (told === undefined) {
      told = { recorded: null, replayed: null, recordings: 0, replays: 0, differs: new Set() };
      this.#told.set(id, told);
    }
    return told;
  }
}

/** Of an event as it was published, what its publisher added. */
const PUBLISHED: ReadonlySet<string> = new Set(["schema", "seq", "time", "node"]);

function membersThatDiffer(recorded: FindingChange, replayed: FindingChange): string[] {
  const members = new Set([...Object.keys(recorded), ...Object.keys(replayed)]);
  return [...members].filter((member) => {
    if (PUBLISHED.has(member)) return false;
    const [before, after] = [recorded, replayed].map(
      (finding) => finding[member as keyof FindingChange] ?? null,
    );
    // what was recorded has been through JSON
    return JSON.stringify(before) !== JSON.stringify(after);
  });
}

/** A finding as the publisher had it, without what the publisher added. */
export function unpublished({ schema, seq, time, node, ...change }: FindingEvent): FindingChange {
  return change;
}
