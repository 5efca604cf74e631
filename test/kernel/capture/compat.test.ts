import { describe, it } from "node:test";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { FREESTANDING_I386 } from "../../programs/compile.js";
import { callWitness } from "./witness.js";

describe("the calls of 32-bit callers, as strace sees them", {
  skip:
    process.arch !== "x64" &&
    "only x86-64 enters 32-bit calls from 64-bit code, and its gcc makes 32-bit programs",
}, () => {
  const witness = callWitness();

  it("int 0x80 from 64-bit code", async () => {
    await witness([buildProgram("compat.c"), temporaryFolder()]);
  });

  it("a 32-bit process", async () => {
    await witness([buildProgram("i386.c", FREESTANDING_I386)]);
  });
});
