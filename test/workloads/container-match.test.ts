import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerRef } from "../../src/event.js";
import { matchContainers, payloadsOf } from "../../src/workloads/container-match.js";

const ID = "70df0a1b2c3d".padEnd(64, "0");
const OTHER = "70df9999".padEnd(64, "1");
const POD = { uid: "0d1f-2e", namespace: "shop", name: "web" };

const container = (id: string, more: Partial<ContainerRef> = {}): ContainerRef => ({
  id,
  runtime: null,
  name: null,
  image: null,
  pod: null,
  ...more,
});
const ALL = [
  container(ID, { name: "app", pod: POD }),
  container(OTHER, { name: "pause", pod: POD }),
  container("70", { name: "70df" }),
  container("pidns:12"),
];

const match = (text: string): readonly [ids: string[], prefix: boolean] => {
  const { containers, prefix } = matchContainers(ALL, text);
  return [containers.map(({ id }) => id), prefix];
};

test("a whole id counts before a name, a name before the beginning of an id", () => {
  assert.deepEqual(match(ID), [[ID], false]);
  assert.deepEqual(match("70"), [["70"], false]);
  assert.deepEqual(match("70df"), [["70"], false]);
  assert.deepEqual(match("70df0"), [[ID], true]);
  assert.deepEqual(match("pidns:12"), [["pidns:12"], false]);
});

test("a pod means all of its containers, with its name one of them", () => {
  for (const name of ["web", "shop/web", "0d1f-2e"]) assert.deepEqual(match(name), [[ID, OTHER], false]);
  assert.deepEqual(match("shop/web/app"), [[ID], false]);
  assert.deepEqual(match("pause"), [[OTHER], false]);
  assert.deepEqual(match("other/web"), [[], true]);
});

test("nothing fits nothing, and what fits several ids says that it is the beginning of one", () => {
  assert.deepEqual(match(""), [[], true]);
  assert.deepEqual(matchContainers([container(ID), container(OTHER)], "70df").containers.length, 2);
  assert.deepEqual(match("web/app"), [[], true]);
});

test("of a pod's containers its sandbox is none that runs something", () => {
  const [app, pause] = ALL;
  const sandbox = { ...pause!, name: "POD" };
  assert.deepEqual(payloadsOf([app!, sandbox]), [app]);
  assert.deepEqual(payloadsOf([sandbox]), [sandbox]);
  assert.deepEqual(payloadsOf([]), []);
});
