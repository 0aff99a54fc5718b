import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";
import { startEvent, summaryEvent, versionEvent } from "./event.ts";
import { encodeRecord } from "./record.ts";

it("crc32c gives the values of RFC 3720, B.4", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => 31 - index))).toBe(0x113fdb5c);
});

it("events and their records have the bytes that TensorBoard gives them", async () => {
  // scripts/tensorflow/make_event_fixture.py
  const expected = await readFile(new URL("fixtures/events.tfevents", import.meta.url));
  const png = Uint8Array.from({ length: 200 }, (_, index) => index);
  const events = [
    versionEvent(1700000000.25),
    startEvent(1700000000.25, 1),
    summaryEvent(1700000001.5, 300, { scalars: { "loss/refinement": 0.1, zero: 0 } }),
    summaryEvent(1700000002, 2 ** 40, { images: { crops: { height: 2, width: 300, png } } }),
  ];
  expect(Buffer.concat(events.map(encodeRecord)).toString("hex")).toBe(expected.toString("hex"));
});
