import { describe, expect, it } from "vitest";
import { imageFailure } from "./fail.ts";
import { decodeNetpbm } from "./netpbm.ts";

const bytesOf = (header: string, ...data: number[]): Uint8Array => Uint8Array.of(...new TextEncoder().encode(header), ...data);
const decode = (bytes: Uint8Array, stored = false): ReturnType<typeof decodeNetpbm> => decodeNetpbm(bytes, stored, imageFailure("bild.ppm", bytes.length));

describe("decodeNetpbm", () => {
  it.each([
    ["P1, bits without blanks", bytesOf("P1\n# a comment\n3 2\n10 1\n010"), 3, 2, 1, Uint8Array.of(0, 255, 0, 255, 0, 255)],
    ["P2", bytesOf("P2 2 2 #width, height\n255 0 7\n255 #end\n\t128\n"), 2, 2, 1, Uint8Array.of(0, 7, 255, 128)],
    ["P3 of 16 bits", bytesOf("P3\n1 1\n65535\n0 258 65535"), 1, 1, 3, Uint16Array.of(0, 258, 65535)],
    ["P4, rows padded to bytes", bytesOf("P4 9 2\n", 0b10000001, 0b10000000, 0, 0x7f), 9, 2, 1, Uint8Array.of(0, 255, 255, 255, 255, 255, 255, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255)],
    ["P5", bytesOf("P5\n#x\n2 1\n255\n", 10, 35), 2, 1, 1, Uint8Array.of(10, 35)],
    ["P5 of 16 bits, high byte first", bytesOf("P5 2 1 65535 ", 1, 2, 255, 255), 2, 1, 1, Uint16Array.of(258, 65535)],
    ["P6", bytesOf("P6 1 2 255\n", 1, 2, 3, 4, 5, 6, 10), 1, 2, 3, Uint8Array.of(1, 2, 3, 4, 5, 6)],
    ["a maximum of 4", bytesOf("P5 3 1 4\n", 0, 1, 4), 3, 1, 1, Uint8Array.of(0, 64, 255)],
    ["a maximum of 1023", bytesOf("P2 2 1 1023 1023 512"), 2, 1, 1, Uint16Array.of(65535, 32800)],
  ])("reads %s", (_, bytes, width, height, channels, data) => {
    expect(decode(bytes)).toEqual({ width, height, channels, data });
  });

  it("keeps stored numbers for label maps", () => {
    expect(decode(bytesOf("P5 3 1 4\n", 0, 1, 4), true).data).toEqual(Uint8Array.of(0, 1, 4));
    expect(decode(bytesOf("P1 2 1 0 1"), true).data).toEqual(Uint8Array.of(1, 0));
  });

  it.each([
    ["P5 2 2 255\n\x01\x02\x03", "truncated"],
    ["P5 99999 99999 255\n\x01", "limit"],
    ["P5 16000 16000 255\n\x01", "truncated"],
    ["P2 16000 16000 255\n1 2", "cannot hold"],
    ["P5 99999999999 1 255\n", "nine digits"],
    ["P5 0 4 255\n", "0×4"],
    ["P5 2 -2 255\n\x01\x02\x03", '"-" at byte 5'],
    ["P5 1 1 0\n\x01", "largest value"],
    ["P5 1 1 70000\n\x01\x01", "largest value"],
    ["P5 1 1 9\n\x0a", "contains 10"],
    ["P2 1 1 9\n10", "contains 10"],
    ["P5 1 1 255\n\x01\x02", "1 bytes more"],
    ["P2 1 1 255\n1 2", "more than its header tells"],
    ["P2 2 1 255\n17 x", '"x"'],
    ["P1 2 1 0 2", '"2"'],
    ["P5 1 1 255", "no blank"],
    ["P6 1", "truncated"],
  ])("refuses %j", (text, message) => {
    expect(() => decode(Uint8Array.from(Buffer.from(text, "latin1")))).toThrow(expect.objectContaining({ code: "datasets.image", message: expect.stringMatching(new RegExp(`bild\\.ppm.*${message}`)) }));
  });
});
