import { expect, it } from "vitest";
import { decodeLatin1 } from "./latin1.ts";

it("gives every byte the character of its number, however many there are", () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, index) => index % 256);
  const text = decodeLatin1(bytes);
  expect(text).toHaveLength(bytes.length);
  expect(Uint8Array.from(text, (character) => character.charCodeAt(0))).toEqual(bytes);
  expect(decodeLatin1(Uint8Array.of(0x80, 0x93, 0xe4))).toBe("\u0080\u0093ä");
  expect(decodeLatin1(new Uint8Array())).toBe("");
});
