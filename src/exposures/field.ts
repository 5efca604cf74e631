import type { FieldType } from "../config/condition.js";
import type { FactValue } from "./exception.js";

/** Something that conditions, exceptions, evidence and tests of rules can name. */
export interface Field<Source> {
  readonly name: string;
  readonly type: FieldType;
  /** One sentence without a full stop, for the documentation. */
  readonly doc: string;
  /** Null where it is not known, or has no meaning. */
  read(source: Source): FactValue;
}

export type Fields<Source> = ReadonlyMap<string, Field<Source>>;

/** What is known of a field without a source to read it from. */
export type FieldInfo = Omit<Field<never>, "read">;

/** Row of a table of fields, which is how they are written down. */
export type FieldRow<Source> = readonly [
  name: string,
  type: FieldType,
  doc: string,
  read: (source: Source) => FactValue | undefined,
];

/** The fields of `rows`, their names with `prefix` before them. `undefined` from a reader is null. */
export function fieldsOf<Source>(rows: readonly FieldRow<Source>[], prefix = ""): Field<Source>[] {
  return rows.map(([name, type, doc, read]) => ({
    name: `${prefix}${name}`,
    type,
    doc,
    read: (source) => read(source) ?? null,
  }));
}

/** `fields` of something that is `part` of another; null for all of them where there is none. */
export function within<Outer, Source>(
  part: (outer: Outer) => Source | null | undefined,
  fields: readonly Field<Source>[],
): Field<Outer>[] {
  return fields.map((field) => ({
    ...field,
    read: (outer: Outer) => {
      const source = part(outer);
      return source === null || source === undefined ? null : field.read(source);
    },
  }));
}

/** The fields by name. Two of one name are a defect. */
export function tableOf<Source>(fields: readonly Field<Source>[]): Fields<Source> {
  const table = new Map(fields.map((field) => [field.name, field]));
  if (table.size !== fields.length) throw new Error("two fields of one name");
  return table;
}
