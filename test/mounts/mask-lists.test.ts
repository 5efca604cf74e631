import assert from "node:assert/strict";
import { test } from "node:test";
import { MASK_FLOOR, MASK_LISTS, READONLY_FLOOR } from "../../src/mounts/mask-lists.js";

test("the floor is what every runtime does", () => {
  for (const list of MASK_LISTS) {
    for (const path of MASK_FLOOR) assert.ok(list.masked.includes(path), `${list.runtime} masks ${path}`);
    for (const path of READONLY_FLOOR)
      assert.ok(list.readonly.includes(path), `${list.runtime}: ${path} is read-only`);
  }
});

test("what one runtime leaves visible is not in the floor", () => {
  // podman makes it read-only; containerd and runc do not have the other two.
  for (const path of ["/proc/asound", "/proc/interrupts", "/sys/devices/virtual/powercap"]) {
    assert.equal(MASK_FLOOR.includes(path), false);
  }
  assert.ok(MASK_FLOOR.includes("/proc/keys") && READONLY_FLOOR.includes("/proc/sys"));
});
