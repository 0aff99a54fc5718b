import type { Fail } from "../../arrays/fail.ts";
import type { PickleValue } from "./pickle-values.ts";

/** In digits or bytes. Longer ones cost more than their length to read, and no checkpoint needs them. */
const longestNumber = 1024;

/** UTF-8 as a text, or undefined if it is none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** An integer in decimal digits; "00" and "01" are booleans. */
export function parseDecimal(text: string, fail: Fail): number | bigint | boolean {
  if (text === "00" || text === "01") return text === "01";
  if (text.length > longestNumber || !/^[+-]?\d+$/.test(text)) return fail("an integer of its pickle cannot be read");
  return narrow(BigInt(text.replace(/^\+/, "")));
}

/** An integer in little-endian two's complement. */
export function parseLong(bytes: Uint8Array, fail: Fail): number | bigint {
  if (bytes.length > longestNumber) return fail(`an integer of its pickle has ${bytes.length} bytes`);
  if (bytes.length === 0) return 0;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  return narrow(BigInt.asIntN(8 * bytes.length, BigInt(`0x${digits.reverse().join("")}`)));
}

export function parseFloatText(text: string, fail: Fail): number {
  const special: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: NaN };
  if (Object.hasOwn(special, text)) return special[text]!;
  const isNumber = text.length <= longestNumber && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
  return isNumber ? Number(text) : fail("a float of its pickle cannot be read");
}

/** A text of Python 2 in quotes, with the escapes that `repr` writes. */
export function parseQuoted(text: string, fail: Fail): PickleValue {
  const inner = /^(["'])(.*)\1$/s.exec(text)?.[2] ?? fail("a text of its pickle has no quotes");
  const named: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
  const latin1 = inner.replaceAll(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, escape: string) =>
    escape.length === 3 ? String.fromCharCode(Number.parseInt(escape.slice(1), 16)) : (named[escape] ?? escape),
  );
  const bytes = Uint8Array.from(latin1, (character) => character.charCodeAt(0));
  return decodeUtf8(bytes) ?? bytes;
}

/** A text in Latin-1 with the escapes \uXXXX and \UXXXXXXXX. */
export function parseRawUnicode(text: string): string {
  return text.replaceAll(/\\u([0-9a-fA-F]{4})|\\U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})/g, (_, short?: string, long?: string) =>
    String.fromCodePoint(Number.parseInt(short ?? long!, 16)),
  );
}

/** A number where it is exact. */
function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
