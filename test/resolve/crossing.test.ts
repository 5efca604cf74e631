import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import { LINK_INDEX, type NsLink } from "../../src/kernel/links.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";
import { changedLinks, directionOf } from "../../src/resolve/crossing.js";

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
    assert.deepEqual(Object.keys(changed ?? {}), ["uts", "pid_for_children"]);
    assert.equal(changed?.uts?.from?.inum, HOST[LINK_INDEX.uts]);
    assert.deepEqual(changed?.uts?.to, { inum: 11, id: null });
  });

  it("is undefined where nothing differs", () => assert.equal(changedLinks(graph, HOST, HOST), undefined));

  it("says that it does not know from where", () => {
    assert.equal(changedLinks(graph, elsewhere({ net: 0 }), elsewhere({ net: 13 }))?.net?.from, null);
  });

  it("says nothing of a link that the later description lacks", () => {
    assert.equal(changedLinks(graph, elsewhere({ net: 13 }), elsewhere({ net: 0 })), undefined);
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

  it("is the same where nothing changed", () => assert.equal(direction(HOST, HOST), "same"));
});
