import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where containerd finds what makes the network of a pod. */
export interface Network {
  readonly binaries: string;
  readonly configuration: string;
}

/** Every pod has this address, which only it can reach. */
const ADDRESS = "10.99.0.2/32";

const LOOPBACK = `#!/bin/sh
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"0.4.0","supportedVersions":["0.4.0"]}' ;;
ADD)
  nsenter "--net=$CNI_NETNS" ip link set lo up >&2 || exit 1
  echo '{"cniVersion":"0.4.0"}'
  ;;
esac
`;

/** Puts the address on `lo`; the CRI asks for that of an interface called eth0. */
const OWN_ADDRESS = `#!/bin/sh
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"0.4.0","supportedVersions":["0.4.0"]}' ;;
ADD)
  nsenter "--net=$CNI_NETNS" ip address add ${ADDRESS} dev lo >&2 || exit 1
  echo '{"cniVersion":"0.4.0","interfaces":[{"name":"'$CNI_IFNAME'","sandbox":"'$CNI_NETNS'"}],"ips":[{"version":"4","address":"${ADDRESS}","interface":0}]}'
  ;;
esac
`;

const LIST = { cniVersion: "0.4.0", name: "keyhole", plugins: [{ type: "own-address" }] };

/** Writes CNI plugins and their configuration below `directory`. */
export function writeNetwork(directory: string): Network {
  const network = { binaries: join(directory, "cni-bin"), configuration: join(directory, "cni") };
  for (const one of Object.values(network)) mkdirSync(one);
  const write = (name: string, text: string) =>
    writeFileSync(join(network.binaries, name), text, { mode: 0o755 });
  // containerd runs this one for every pod
  write("loopback", LOOPBACK);
  write("own-address", OWN_ADDRESS);
  writeFileSync(join(network.configuration, "10-keyhole.conflist"), JSON.stringify(LIST));
  return network;
}
