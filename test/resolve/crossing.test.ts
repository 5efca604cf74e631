import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Direction } from "../../src/event.js";
import { HostPath } from "../../src/kernel/host-path.js";
import { LINK_INDEX, type NsLink, type NsType } from "../../src/kernel/links.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";
import { changedLinks, directionOf, NOTHING } from "../../src/resolve/crossing.js";

const graph = new NamespaceGraph({ host: new HostPath() });
const HOST = graph.anchors.host;

/** The host's namespaces but for some links. */
function elsewhere(links: Partial<Record<NsLink, number>>): number[] {
  const inums = [...HOST];
  for (const [link, inum] of Object.entries(links)) inums[LINK_INDEX[link as NsLink]] = inum;
  return inums;
}

const direction = (from: readonly number[], to: readonly number[]) =>
  directionOf(graph, changedLinks(graph, from, to));

describe("changedLinks", () => {
  it("tells the links that differ, and no others", () => {
    const changed = changedLinks(graph, HOST, elsewhere({ uts: 11, pid_for_children: 12 }));
    assert.deepEqual(Object.keys(changed), ["uts", "pid_for_children"]);
    assert.equal(changed.uts?.from?.inum, HOST[LINK_INDEX.uts]);
    assert.deepEqual(changed.uts?.to, { inum: 11, id: null });
  });

  it("is empty where nothing differs", () => {
    assert.equal(changedLinks(graph, HOST, HOST), NOTHING);
    assert.deepEqual(NOTHING, {});
  });

  it("says that it does not know from where", () => {
    assert.equal(changedLinks(graph, elsewhere({ net: 0 }), elsewhere({ net: 13 })).net?.from, null);
  });

  it("says nothing of a link that the later description lacks", () => {
    assert.deepEqual(changedLinks(graph, elsewhere({ net: 13 }), elsewhere({ net: 0 })), {});
  });
});

describe("directionOf", () => {
  it("knows the way out of the host and the way back", () => {
    assert.equal(direction(HOST, elsewhere({ mnt: 21 })), "host-to-container");
    assert.equal(direction(elsewhere({ mnt: 21 }), HOST), "container-to-host");
  });

  it("puts a way into the host's before all else that changed", () => {
    assert.equal(direction(elsewhere({ mnt: 21 }), elsewhere({ uts: 22 })), "container-to-host");
  });

  it("calls one container to another a way to a sibling", () => {
    assert.equal(direction(elsewhere({ net: 31 }), elsewhere({ net: 32 })), "to-sibling");
  });

  it("is the same where nothing changed", () => {
    assert.equal(direction(HOST, HOST), "same");
    assert.equal(directionOf(graph, {}), "same");
  });

  it("is not known where what changed is not, or from where", () => {
    assert.equal(directionOf(graph, null), "unknown");
    assert.equal(direction(elsewhere({ net: 0 }), elsewhere({ net: 32 })), "unknown");
  });

  it("is further down where a pid or user namespace was made, known to the graph or not", () => {
    const [from, to] = [elsewhere({ user: 51, net: 52 }), elsewhere({ user: 53, net: 54 })];
    assert.equal(direction(from, to), "unknown");
    assert.equal(directionOf(graph, changedLinks(graph, from, to), true), "to-descendant");
    const net = changedLinks(graph, from, elsewhere({ user: 51, net: 54 }));
    assert.equal(directionOf(graph, net, true), "to-sibling");
  });

  it("asks the trees of pid and user namespaces first", () => {
    const ancestors: Readonly<Record<number, number>> = { 42: 41 };
    const tree = {
      isHost: (): boolean => false,
      relation: (type: NsType, from: number, to: number): Direction => {
        if (type !== "pid") return "to-sibling";
        return ancestors[to] === from ? "to-descendant" : "to-ancestor";
      },
      ref: (_type: NsType, inum: number) => ({ inum, id: null }),
    } as unknown as NamespaceGraph;
    const led = (from: readonly number[], to: readonly number[]) =>
      directionOf(tree, changedLinks(tree, from, to));
    const above = elsewhere({ mnt: 21, pid_for_children: 41 });
    const below = elsewhere({ mnt: 22, pid_for_children: 42 });
    assert.equal(led(above, below), "to-descendant");
    assert.equal(led(below, above), "to-ancestor");
    assert.equal(led(above, elsewhere({ mnt: 22, pid_for_children: 41 })), "to-sibling");
  });
});
