import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The directory that its files are in: links lead there, which the kubelet exchanges all at once. */
const CURRENT = "..2026_11_23_00_00_00.1";

/** Makes `directory` what the kubelet makes of a ConfigMap or Secret (pkg/volume/util/atomic_writer.go). */
export function writeVolume(
  directory: string,
  files: Readonly<Record<string, string | Buffer>>,
  mode: number,
): void {
  mkdirSync(join(directory, CURRENT), { recursive: true });
  symlinkSync(CURRENT, join(directory, "..data"));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, CURRENT, name), content, { mode });
    symlinkSync(join("..data", name), join(directory, name));
  }
}
