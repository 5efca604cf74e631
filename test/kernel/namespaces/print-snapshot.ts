/** What a snapshot finds, as JSON: for a test that runs this without the right to use BPF. */
import { HostPath } from "../../../src/kernel/host-path.js";
import { takeSnapshot } from "../../../src/namespaces/snapshot.js";

const snapshot = takeSnapshot(new HostPath(), {
  tasks: true,
  openFiles: true,
  superblocks: true,
  mounts: true,
});
snapshot.close();
const namespaces = [...snapshot.graph.all()].map(
  ({ type, inum, members, fds, binds, resolved, owner, parent }) => ({
    ...{ type, inum, members, fds, binds, resolved },
    owner: owner?.inum ?? null,
    parent: parent?.inum ?? null,
  }),
);
const { via, incomplete } = snapshot;
process.stdout.write(JSON.stringify({ via, incomplete, namespaces }));
