/** One run of the oracle: a shell script, in which the first command that fails ends it. */
export interface Row {
  /** What it is a test of, as one would type it. */
  readonly name: string;
  readonly script: string;
}

/** Rows out of names and scripts; a row without a script of its own is what its name says. */
export function rows(table: readonly (readonly [name: string, script?: string])[]): readonly Row[] {
  return table.map(([name, script]) => ({ name, script: script ?? name }));
}

/**
 * What every script can rely on: a mount namespace of its own, a tmpfs that is the working directory with the
 * directories a, b and a/x in it, and two functions. `target OPTION…` starts a process that sleeps in the namespaces
 * that these options of unshare(1) make, with its pid in $t; `release` ends it.
 */
export const PRELUDE = `
mount -t tmpfs scratch "$0"
cd "$0"
mkdir -p a/x b
target() {
  unshare "$@" --fork --kill-child sleep 60 &
  parent=$!
  until t=$(cat /proc/$parent/task/$parent/children) && t=\${t% } && [ "$(cat /proc/\${t:-self}/comm)" = sleep ]; do
    sleep 0.02
  done
}
release() {
  kill -KILL $parent
  wait $parent || :
}
`;

/** The command that runs `row` in the empty directory `folder`. */
export function commandOf(row: Row, folder: string): readonly string[] {
  return ["unshare", "--mount", "--propagation", "private", "sh", "-euc", `${PRELUDE}${row.script}`, folder];
}
