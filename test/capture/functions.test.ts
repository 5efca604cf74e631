import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadLibbpf } from "@keyhole/libbpf";
import { CALL_BY_OP, callTable } from "../../src/capture/calls.js";
import { callFunctions, isInKernel, tableOf } from "../../src/capture/functions.js";
import { objectPath } from "../../src/capture/object.js";
import { btfNames } from "../../src/kernel/btf-names.js";
import { trampolineRefusal } from "../../src/kernel/trampolines.js";

describe("the functions of the calls", () => {
  it("are every call of the list in every ABI: together they have the whole table", () => {
    assert.deepEqual(tableOf(callFunctions()), callTable(process.arch));
    assert.deepEqual(tableOf([]), new Uint16Array(callTable(process.arch).length));
  });

  it("can be divided: a table has the calls that it was made of and no others", () => {
    const native = tableOf(callFunctions().filter(({ abi, call }) => abi === "native" && call === "setns"));
    const numbers = [...native.entries()].filter(([, both]) => both !== 0);
    assert.equal(numbers.length, 1);
    assert.equal(CALL_BY_OP[numbers[0]![1]]?.name, "setns");
  });

  it("have a pair of programs each in bpf/fentry.bpf.c", () => {
    using object = loadLibbpf().open(objectPath("fentry"), { name: "fentry" });
    const programs = new Set(object.programs.map(({ name }) => name));
    for (const { suffix } of callFunctions()) {
      assert.ok(programs.has(`enter_${suffix}`) && programs.has(`leave_${suffix}`), suffix);
    }
    const pairs = [...programs].filter((name) => name.startsWith("leave_"));
    assert.equal(pairs.length, new Set(callFunctions().map(({ suffix }) => suffix)).size);
  });

  it("may lack in an older kernel only what came later", () => {
    assert.ok(isInKernel("setns"));
  });
});

describe("the kernel's types", () => {
  it("have a function that every kernel has, and none of another name", () => {
    const known = btfNames(["do_exit", "do_exit_of_no_kernel"]);
    assert.deepEqual([...known], ["do_exit"]);
  });

  it("have names that follow one another", () => {
    const names = ["security_sb_mount", "security_sb_umount", "vfs_parse_fs_param"];
    assert.deepEqual([...btfNames(names)].sort(), names);
  });
});

it("asking whether trampolines are refused gives the same answer twice, and an errno's name if they are", () => {
  const refusal = trampolineRefusal();
  assert.equal(trampolineRefusal(), refusal);
  if (refusal !== null) assert.match(refusal, /^E[A-Z]+$/);
});
