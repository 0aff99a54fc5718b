import { expect, it } from "vitest";
import { classPair, nameList, numberList, positiveNumber, wholeNumber } from "./numbers.ts";

it("wholeNumber takes 0, 1, … only", () => {
  expect(wholeNumber("0")).toBe(0);
  expect(wholeNumber("12")).toBe(12);
  for (const text of ["", " ", "-1", "1.5", "x", "1e99", "Infinity"]) expect(() => wholeNumber(text), text).toThrow();
});

it("positiveNumber takes 1, 2, … only", () => {
  expect(positiveNumber("1")).toBe(1);
  for (const text of ["", "0", "-1", "x"]) expect(() => positiveNumber(text), text).toThrow();
});

it("numberList takes different whole numbers", () => {
  expect(numberList("1,2,3")).toEqual([1, 2, 3]);
  for (const text of ["", "1,,2", "1,1", "1;2"]) expect(() => numberList(text), text).toThrow();
});

it("reads names, and pairs of them that may come several times", () => {
  expect(nameList("left kidney, liver")).toEqual(["left kidney", "liver"]);
  expect(() => nameList("liver,,spleen")).toThrow(/commas/);
  expect(classPair("kernel=core", classPair(" left kidney = kidney "))).toEqual([["left kidney", "kidney"], ["kernel", "core"]]);
  for (const text of ["kernel", "=core", "kernel="]) expect(() => classPair(text)).toThrow(/class of the model/);
});
