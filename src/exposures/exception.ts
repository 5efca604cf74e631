/** The value of a field that conditions and exceptions can name; null where it is not known. */
export type FactValue = number | string | boolean | readonly string[] | null;

/** What is known of what a rule found, by the name of the field: see docs/rules.md. */
export type FactReader = (field: string) => FactValue;

/** Something that looks like an exposure and is none: a benign actor, or what the user says is one. */
export interface Exception {
  readonly name: string;
  /** Ids of the rules that it spares findings of. */
  readonly rules: ReadonlySet<string>;
  /** Whose work it is, and why it is no danger. */
  readonly description: string;
  /** Where it was written: FILE:LINE:COLUMN. */
  readonly origin: string;
  /** Whether it spares what `facts` describe. What is not known spares nothing. */
  matches(facts: FactReader): boolean;
}
