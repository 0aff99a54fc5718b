import { describe, expect, it } from "vitest";
import { decodeBmp } from "./bmp.ts";
import { imageFailure } from "./fail.ts";

/** Hand-made files of every kind, with what Pillow 13 decodes them to (converted to grey or RGB). */
const examples = [
  {
    name: "1 bit", width: 10, height: 2, channels: 1,
    file: "Qk1GAAAAAAAAAD4AAAAoAAAACgAAAAIAAAABAAEAAAAAAAgAAAATCwAAEwsAAAIAAAAAAAAAAAAAAP///wAPgAAAs0AAAA==",
    pixels: [255, 0, 255, 255, 0, 0, 255, 255, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255, 0],
  },
  {
    name: "1 bit, white first", width: 10, height: 2, channels: 1,
    file: "Qk1GAAAAAAAAAD4AAAAoAAAACgAAAAIAAAABAAEAAAAAAAgAAAATCwAAEwsAAAIAAAAAAAAA////AAAAAAAPgAAAs0AAAA==",
    pixels: [0, 255, 0, 0, 255, 255, 0, 0, 255, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 255],
  },
  {
    name: "4 bits", width: 3, height: 2, channels: 3,
    file: "Qk1SAAAAAAAAAEoAAAAoAAAAAwAAAAIAAAABAAQAAAAAAAgAAAATCwAAEwsAAAUAAAAAAAAAAAAAAAAA/wAA/wAA/wAAAAcICQABQAAAMhAAAA==",
    pixels: [0, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 0, 255, 0, 0, 9, 8, 7],
  },
  {
    name: "8 bits, grey", width: 3, height: 2, channels: 1,
    file: "Qk1SAAAAAAAAAEoAAAAoAAAAAwAAAAIAAAABAAgAAAAAAAgAAAATCwAAEwsAAAUAAAAAAAAAAAAAADw8PAB4eHgAtLS0APDw8AADBAAAAAECAA==",
    pixels: [0, 60, 120, 180, 240, 0],
  },
  {
    name: "8 bits, color, top down", width: 3, height: 2, channels: 3,
    file: "Qk1SAAAAAAAAAEoAAAAoAAAAAwAAAP7///8BAAgAAAAAAAgAAAATCwAAEwsAAAUAAAAAAAAAAAAAAAAA/wAA/wAA/wAAAAcICQAAAQIAAwQAAA==",
    pixels: [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7, 0, 0, 0],
  },
  {
    name: "24 bits", width: 3, height: 2, channels: 3,
    file: "Qk1OAAAAAAAAADYAAAAoAAAAAwAAAAIAAAABABgAAAAAABgAAAATCwAAEwsAAAAAAAAAAAAACwwNDg8QERITAAAAAQIDBAUGBwgJAAAA",
    pixels: [3, 2, 1, 6, 5, 4, 9, 8, 7, 13, 12, 11, 16, 15, 14, 19, 18, 17],
  },
  {
    name: "24 bits, top down", width: 3, height: 2, channels: 3,
    file: "Qk1OAAAAAAAAADYAAAAoAAAAAwAAAP7///8BABgAAAAAABgAAAATCwAAEwsAAAAAAAAAAAAAAQIDBAUGBwgJAAAACwwNDg8QERITAAAA",
    pixels: [3, 2, 1, 6, 5, 4, 9, 8, 7, 13, 12, 11, 16, 15, 14, 19, 18, 17],
  },
  {
    name: "24 bits, OS/2", width: 3, height: 2, channels: 3,
    file: "Qk0yAAAAAAAAABoAAAAMAAAAAwACAAEAGAALDA0ODxAREhMAAAABAgMEBQYHCAkAAAA=",
    pixels: [3, 2, 1, 6, 5, 4, 9, 8, 7, 13, 12, 11, 16, 15, 14, 19, 18, 17],
  },
  {
    name: "4 bits, OS/2", width: 3, height: 2, channels: 3,
    file: "Qk1SAAAAAAAAAEoAAAAMAAAAAwACAAEABAAAAAAAAP8A/wD/AAAHCAkAAAAAAP8A/wD/AAAHCAkAAAAAAP8A/wD/AAAHCAkAAAABQAAAMhAAAA==",
    pixels: [0, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 0, 255, 0, 0, 9, 8, 7],
  },
  {
    name: "16 bits", width: 2, height: 1, channels: 3,
    file: "Qk06AAAAAAAAADYAAAAoAAAAAgAAAAEAAAABABAAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAAEHziBw==",
    pixels: [255, 0, 131, 8, 255, 16],
  },
  {
    name: "16 bits, 5-6-5", width: 2, height: 1, channels: 3,
    file: "Qk1GAAAAAAAAAEIAAAAoAAAAAgAAAAEAAAABABAAAwAAAAQAAAATCwAAEwsAAAAAAAAAAAAAAPgAAOAHAAAfAAAAEPjiDw==",
    pixels: [255, 0, 131, 8, 255, 16],
  },
  {
    name: "32 bits", width: 2, height: 1, channels: 3,
    file: "Qk0+AAAAAAAAADYAAAAoAAAAAgAAAAEAAAABACAAAAAAAAgAAAATCwAAEwsAAAAAAAAAAAAAAQIDAAQFBgA=",
    pixels: [3, 2, 1, 6, 5, 4],
  },
  {
    name: "32 bits, alpha", width: 2, height: 1, channels: 3,
    file: "Qk2CAAAAAAAAAHoAAABsAAAAAgAAAAEAAAABACAAAwAAAAgAAAATCwAAEwsAAAAAAAAAAAAAAAAA/wAA/wAA/wAA/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
      "AAAAAAAAAAAAAAAAAAAAAADIAQIDZAQFBg==",
    pixels: [3, 2, 1, 6, 5, 4],
  },
  {
    name: "8 bits, runs", width: 6, height: 3, channels: 3,
    file: "Qk1iAAAAAAAAAEoAAAAoAAAABgAAAAMAAAABAAgAAQAAABgAAAATCwAAEwsAAAUAAAAAAAAAAAAAAAAA/wAA/wAA/wAAAAcICQAEAQIDAAAAAwIEAQAAAgEAAgIAAAYDAAE=",
    pixels: [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 255, 0, 9, 8, 7, 255, 0, 0, 0, 0, 0, 0, 255, 0, 0, 255, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255],
  },
  {
    name: "4 bits, runs", width: 6, height: 2, channels: 3,
    file: "Qk1aAAAAAAAAAEoAAAAoAAAABgAAAAIAAAABAAQAAgAAABAAAAATCwAAEwsAAAUAAAAAAAAAAAAAAAAA/wAA/wAA/wAAAAcICQAFEgEwAAAABRI0EAABIAAB",
    pixels: [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7, 255, 0, 0, 0, 255, 0, 255, 0, 0, 0, 255, 0, 255, 0, 0, 0, 255, 0, 255, 0, 0, 0, 0, 255],
  },
] as const;

const decode = (bytes: Uint8Array, stored = false): ReturnType<typeof decodeBmp> => decodeBmp(bytes, stored, imageFailure("größe.bmp", bytes.length));
const find = (name: string): Uint8Array => fromBase64(examples.find((example) => example.name === name)!.file);

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64"));
}

describe("decodeBmp", () => {
  it.each(examples)("reads $name as Pillow does", ({ name, width, height, channels, file, pixels }) => {
    const image = decode(fromBase64(file));
    expect(image).toMatchObject({ width, height, channels });
    // Pillow rounds the 5 and 6 bits of a color down.
    for (const [i, pixel] of pixels.entries()) expect(Math.abs(image.data[i]! - pixel), `value ${i}`).toBeLessThanOrEqual(name.startsWith("16 bits") ? 1 : 0);
    expect(image.data.length).toBe(pixels.length);
  });

  it("gives the stored numbers of palette images", () => {
    expect(decode(find("4 bits"), true)).toEqual({ width: 3, height: 2, channels: 1, data: Uint8Array.of(3, 2, 1, 0, 1, 4) });
    expect([...decode(find("8 bits, color, top down"), true).data]).toEqual([0, 1, 2, 3, 4, 0]);
    const white = [1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0];
    expect([...decode(find("1 bit"), true).data]).toEqual(white);
    expect([...decode(find("1 bit, white first"), true).data]).toEqual(white.map((bit) => 1 - bit));
  });

  it("refuses every truncation", () => {
    for (const { file } of examples) {
      const bytes = fromBase64(file);
      const needed = file === examples.at(-1)!.file || file === examples.at(-2)!.file ? bytes.length - 2 : bytes.length; // the end mark of runs may be missing
      for (let length = 2; length < needed; length++) {
        expect(() => decode(bytes.subarray(0, length)), `${length} bytes`).toThrow(expect.objectContaining({ code: "datasets.image", message: expect.stringContaining("größe.bmp") }));
      }
    }
  });

  it("refuses sizes that the file cannot hold, before it takes memory", () => {
    for (const name of ["24 bits", "8 bits, runs", "1 bit"]) {
      for (const [width, height] of [[30_000, 30_000], [10_000, 10_000], [0, 2], [-3, 2], [2 ** 31 - 1, -(2 ** 31)]] as const) {
        const bytes = find(name);
        new DataView(bytes.buffer).setInt32(18, width, true);
        new DataView(bytes.buffer).setInt32(22, height, true);
        expect(() => decode(bytes)).toThrow(/claims to have|is truncated|from the top down/);
      }
    }
  });

  it.each([
    ["bits", 28, 7, "has 7 bits"],
    ["compression", 30, 4, "method 4"],
    ["header", 14, 41, "header of 41 bytes"],
    ["start of the pixels", 10, 20, "begin at byte 20"],
    ["palette", 46, 2, "color 4 of a palette of 2"],
  ])("refuses a wrong %s", (_, offset, value, message) => {
    const bytes = find("8 bits, grey");
    bytes[offset] = value;
    expect(() => decode(bytes)).toThrow(message);
  });
});
