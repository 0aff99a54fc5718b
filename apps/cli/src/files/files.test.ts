import { describe, expect, it } from "vitest";
import { formatCsv } from "./csv.ts";
import { formatJson } from "./json.ts";

describe("formatCsv", () => {
  it("quotes only where it must (RFC 4180)", () => {
    const rows = [
      ["plain", 0.5, undefined],
      ['with "quotes"', "a,b", "line\nbreak"],
    ];
    expect(formatCsv(["a", "b", "c"], rows)).toBe('a,b,c\nplain,0.5,\n"with ""quotes""","a,b","line\nbreak"\n');
  });

  it("keeps every digit of a number", () => {
    expect(formatCsv(["x"], [[0.1 + 0.2]])).toBe("x\n0.30000000000000004\n");
  });

  it("has only the names without rows", () => {
    expect(formatCsv(["x"], [])).toBe("x\n");
  });
});

it("formatJson writes missing values as null and ends with a line feed", () => {
  expect(formatJson({ a: undefined, b: [undefined, 1] })).toBe('{\n  "a": null,\n  "b": [\n    null,\n    1\n  ]\n}\n');
});
