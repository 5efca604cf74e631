/** Whether `release` (uname -r) is that version or a later one. */
export function isAtLeast(release: string, major: number, minor: number): boolean {
  const [foundMajor = 0, foundMinor = 0] = release.split(/[.-]/).map(Number);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
