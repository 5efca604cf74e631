import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Clock } from "../../src/capture/clock.js";
import { redactOptions } from "../../src/capture/redact.js";
import { readName, readPath } from "../../src/capture/text.js";

describe("readPath", () => {
  const path = (text: string) => readPath(Buffer.from(text), 0, Buffer.byteLength(text));
  it("puts the components, which come last one first, together", () => {
    assert.equal(path("nsenter\0bin\0usr\0"), "/usr/bin/nsenter");
  });
  it("takes no component for the root", () => assert.equal(path(""), "/"));
  it("leaves out a component that lacks its end", () => assert.equal(path("a\0b"), "/a"));
});

describe("readName", () => {
  it("ends at the NUL, or where there is none at the size", () => {
    assert.equal(readName(Buffer.from("runc\0init"), 0, 9), "runc");
    assert.equal(readName(Buffer.from("0123456789abcdefX"), 0, 16), "0123456789abcdef");
  });
});

describe("redactOptions", () => {
  it("leaves keys that only look like a secret", () => {
    assert.equal(redactOptions("keyring=a,passfile=b"), "keyring=a,passfile=b");
  });
  it("finds a key in any case, with spaces around it, at any place", () => {
    assert.equal(redactOptions("a=b, PASS =x,c"), "a=b, PASS =[redacted],c");
    assert.equal(redactOptions("password2=x"), "password2=[redacted]");
    assert.equal(redactOptions("a,\ttoken=x,key=y"), "a,\ttoken=[redacted],key=[redacted]");
    assert.equal(redactOptions("secret,key"), "secret,key");
  });
  it("redacts a value with an equals sign in it", () => {
    assert.equal(redactOptions("ro,secret=a=b,rw"), "ro,secret=[redacted],rw");
  });
});

describe("Clock", () => {
  it("gives nanoseconds of the wall clock", () => {
    const clock = new Clock(() => 1_700_000_000_000_000_000n);
    assert.equal(clock.format(5n), "2023-11-14T22:13:20.000000005Z");
    assert.equal(clock.format(1_999_999_999n), "2023-11-14T22:13:21.999999999Z");
    assert.equal(clock.format(0n), "2023-11-14T22:13:20.000000000Z");
  });
  it("follows a clock that was set when it is told to", () => {
    let offset = 0n;
    const clock = new Clock(() => offset);
    offset = 3_600_000_000_000n;
    assert.equal(clock.format(0n), "1970-01-01T00:00:00.000000000Z");
    clock.adjust();
    assert.equal(clock.format(0n), "1970-01-01T01:00:00.000000000Z");
  });
});
