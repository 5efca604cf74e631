/**
 * usage: node reader.js auto|mountinfo|statmount PID
 *
 * Reads the mount tables of PID, or of its descendants without children, twice and prints, as JSON, how many microseconds a mount took the
 * second time, and why a table is not complete, if one is not.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { HostPath } from "../../dist/kernel/host-path.js";
import { mountNamespaceId, withNamespace } from "../../dist/kernel/nsfs.js";
import { MountTables } from "../../dist/mounts/mount-tables.js";

const [, , via, root] = process.argv;

/** @param {number} pid @returns {number[]} */
function leaves(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
    readFileSync(`/proc/${pid}/task/${tid}/children`, "latin1").split(" ").filter(Boolean).map(Number),
  );
  return children.length === 0 ? [pid] : children.flatMap(leaves);
}

/** @param {number} pid */
function mountNs(pid) {
  const path = `/proc/${pid}/ns/mnt`;
  const id = withNamespace(path, mountNamespaceId);
  const ns = Number(readlinkSync(path).slice("mnt:[".length, -1));
  return { ns, id: id.ok ? String(id.value) : null, pids: [pid], event: null };
}

const namespaces = leaves(Number(root)).map(mountNs);
const tables = new MountTables({
  host: new HostPath(),
  via: /** @type {"auto" | "mountinfo" | "statmount"} */ (via),
});
tables.refresh(namespaces);
tables.refresh(namespaces);
const { lastSeconds, mounts } = tables.stats;
const incomplete = [...tables.all()].find(({ complete }) => !complete);
const microseconds = (1e6 * lastSeconds) / mounts;
process.stdout.write(JSON.stringify({ microseconds, reason: incomplete?.reason ?? null }));
