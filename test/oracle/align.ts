/** One of each, or one alone. */
export type Pair<A, B> = readonly [a: A, b: B] | readonly [a: A, b: null] | readonly [a: null, b: B];

export interface Costs<A, B> {
  /** Of `a` and `b` as a pair; a pair that fits costs nothing. */
  readonly pair: (a: A, b: B) => number;
  /** Of `a` left alone. A `b` that is left alone costs 1. */
  readonly alone: (a: A) => number;
}

/** Beyond this many comparisons the middle is paired step by step: it is wrong as a whole then. */
const MOST = 4_000_000;

/**
 * Pairs two sequences in order so that the sum of costs is the least. Both ends are paired as long as they fit, so that
 * two long sequences that differ in one place cost no more than their length.
 */
export function align<A, B>(left: readonly A[], right: readonly B[], costs: Costs<A, B>): Pair<A, B>[] {
  let head = 0;
  while (head < left.length && head < right.length && costs.pair(left[head]!, right[head]!) === 0) head += 1;
  let [endA, endB] = [left.length, right.length];
  while (endA > head && endB > head && costs.pair(left[endA - 1]!, right[endB - 1]!) === 0) {
    endA -= 1;
    endB -= 1;
  }
  const [middleA, middleB] = [left.slice(head, endA), right.slice(head, endB)];
  const inSteps = middleA.length * middleB.length > MOST;
  return [
    ...left.slice(0, head).map((a, index): Pair<A, B> => [a, right[index]!]),
    ...(inSteps ? byStep(middleA, middleB) : cheapest(middleA, middleB, costs)),
    ...left.slice(endA).map((a, index): Pair<A, B> => [a, right[endB + index]!]),
  ];
}

/** By the table of what is the least that the ends of both sequences cost. */
function cheapest<A, B>(left: readonly A[], right: readonly B[], costs: Costs<A, B>): Pair<A, B>[] {
  const width = right.length + 1;
  const pairs = left.map((a) => right.map((b) => costs.pair(a, b)));
  const alone = left.map(costs.alone);
  const least = new Array<number>((left.length + 1) * width).fill(0);
  const at = (i: number, j: number): number => least[i * width + j]!;
  for (let i = left.length; i >= 0; i--) {
    for (let j = right.length; j >= 0; j--) {
      const ways: number[] = [];
      if (i < left.length) ways.push(alone[i]! + at(i + 1, j));
      if (j < right.length) ways.push(1 + at(i, j + 1));
      if (i < left.length && j < right.length) ways.push(pairs[i]![j]! + at(i + 1, j + 1));
      least[i * width + j] = ways.length === 0 ? 0 : Math.min(...ways);
    }
  }
  const found: Pair<A, B>[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const both = i < left.length && j < right.length;
    if (both && at(i, j) === pairs[i]![j]! + at(i + 1, j + 1)) found.push([left[i++]!, right[j++]!]);
    else if (i < left.length && at(i, j) === alone[i]! + at(i + 1, j)) found.push([left[i++]!, null]);
    else found.push([null, right[j++]!]);
  }
  return found;
}

function byStep<A, B>(left: readonly A[], right: readonly B[]): Pair<A, B>[] {
  const shared = Math.min(left.length, right.length);
  return [
    ...left.slice(0, shared).map((a, index): Pair<A, B> => [a, right[index]!]),
    ...left.slice(shared).map((a): Pair<A, B> => [a, null]),
    ...right.slice(shared).map((b): Pair<A, B> => [null, b]),
  ];
}
