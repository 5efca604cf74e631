import type { Arg, StoryStep } from "../event.js";

/** Steps that are kept: the first ones, and the last ones. */
const FIRST_STEPS = 24;
const LAST_STEPS = 8;
/** Characters of their arguments that are kept, beside those of the last step: a path can have 4096. */
const MAX_CHARACTERS = 16_384;

/** The steps of a story, those in the middle left out where they are many or large. */
export class StorySteps {
  readonly #first: StoryStep[] = [];
  readonly #last: StoryStep[] = [];
  #characters = 0;
  #count = 0;

  /** All there were. */
  get count(): number {
    return this.#count;
  }

  /** How many are not in {@link list}. */
  get omitted(): number {
    return this.#count - this.#first.length - this.#last.length;
  }

  add(step: StoryStep): void {
    this.#count++;
    this.#characters += sizeOf(step);
    const fits = this.#characters <= MAX_CHARACTERS;
    if (fits && this.#last.length === 0 && this.#first.length < FIRST_STEPS) {
      this.#first.push(step);
      return;
    }
    this.#last.push(step);
    while (this.#last.length > LAST_STEPS || (this.#last.length > 1 && this.#characters > MAX_CHARACTERS))
      this.#characters -= sizeOf(this.#last.shift()!);
  }

  list(): StoryStep[] {
    return [...this.#first, ...this.#last];
  }

  /** Once they have been told for the last time. */
  forget(): void {
    this.#first.length = 0;
    this.#last.length = 0;
  }
}

function sizeOf({ args }: StoryStep): number {
  return Object.values(args).reduce<number>((total, arg) => total + lengthOf(arg), 0);
}

function lengthOf(arg: Arg): number {
  if (typeof arg === "string") return arg.length;
  if (typeof arg !== "object" || arg === null) return 0;
  return (Object.values(arg) as Arg[]).reduce<number>((total, one) => total + lengthOf(one), 0);
}
