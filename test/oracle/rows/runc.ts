import { rows } from "./row.js";

/**
 * A bundle in the working directory whose root has this system's programs, for a container named $id; `spec OPTION…`
 * writes its config.json by runc-spec(8), and the words after it become the container's command.
 */
const BUNDLE = `
id=keyhole-row-$$
mkdir -p rootfs/usr rootfs/proc rootfs/sys rootfs/dev rootfs/tmp
for one in bin sbin lib lib64; do if [ -L /$one ]; then ln -s usr/$one rootfs/$one; fi; done
mount --bind /usr rootfs/usr
spec() {
  runc spec
  sed -i 's/"terminal": true/"terminal": false/; s/^\\t*"sh"$/"sh", "-c", "'"$1"'"/' config.json
}
`;

const USER_NAMESPACE = `
sed -i 's/"namespaces": \\[/"namespaces": [ {"type": "user"},/' config.json
sed -i 's/"linux": {/"linux": { "uidMappings": [{"containerID":0,"hostID":100000,"size":65536}],/' config.json
sed -i 's/"linux": {/"linux": { "gidMappings": [{"containerID":0,"hostID":100000,"size":65536}],/' config.json
chmod 755 . rootfs
`;

/** runc(8), from an empty bundle to the end of the container. */
export const RUNC = rows(
  (
    [
      [
        "runc create, start, exec, kill, delete",
        "spec 'sleep 60'; runc create $id < /dev/null; runc start $id; runc exec $id true; runc kill $id KILL; runc delete --force $id",
      ],
      ["runc run", "spec true; runc run $id < /dev/null"],
      ["runc run --no-pivot", "spec true; runc run --no-pivot $id < /dev/null"],
      [
        "runc run --detach, delete --force",
        "spec 'sleep 60'; runc run -d $id < /dev/null; runc delete --force $id",
      ],
      ["runc run in a user namespace", `spec true${USER_NAMESPACE}runc run $id < /dev/null`],
      [
        "runc exec by another user",
        "spec 'sleep 60'; runc run -d $id < /dev/null; runc exec -u 1:1 -d $id true; runc delete -f $id",
      ],
      ["runc run of what is not there", "spec true; umount rootfs/usr; ! runc run $id < /dev/null"],
    ] as const
  ).map(([name, script]) => [name, `${BUNDLE}${script}`]),
);
