import { describe, expect, it } from "vitest";
import { fileError } from "./file-error.ts";

describe("fileError", () => {
  it.each([
    ["ENOSPC", /write: "out\/a\.png": the disk is full; free some space/],
    ["EACCES", /permission is denied; change the permissions/],
    ["EROFS", /read-only; choose another place/],
    ["EIO", /i\/o failed \(EIO\)/],
  ])("names the path and the remedy for %s", (code, message) => {
    const cause = Object.assign(new Error("i/o failed"), { code });
    const error = fileError("write", "out/a.png", cause);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: "datasets.file", cause });
  });
});
