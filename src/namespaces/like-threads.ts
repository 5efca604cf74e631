/** Threads that are in the namespaces of the leader of their process, which counts for them. */
export class LikeThreads {
  readonly #pidOf = new Map<number, number>();
  readonly #tidsOf = new Map<number, Set<number>>();

  tids(): Iterable<number> {
    return this.#pidOf.keys();
  }

  add(tid: number, pid: number): void {
    if (this.#pidOf.get(tid) === pid) return;
    this.delete(tid);
    this.#pidOf.set(tid, pid);
    const tids = this.#tidsOf.get(pid);
    if (tids === undefined) this.#tidsOf.set(pid, new Set([tid]));
    else tids.add(tid);
  }

  delete(tid: number): void {
    const pid = this.#pidOf.get(tid);
    if (pid === undefined) return;
    this.#pidOf.delete(tid);
    const tids = this.#tidsOf.get(pid)!;
    tids.delete(tid);
    if (tids.size === 0) this.#tidsOf.delete(pid);
  }

  /** Those of a process, which are like it no more. */
  take(pid: number): Iterable<number> {
    const tids = this.#tidsOf.get(pid) ?? new Set();
    this.#tidsOf.delete(pid);
    for (const tid of tids) this.#pidOf.delete(tid);
    return tids;
  }
}
