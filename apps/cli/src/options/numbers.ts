import { InvalidArgumentError } from "commander";

/** Reads a whole number of at least 0 from the command line. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("It must be a whole number, 0 or more.");
  return value;
}

/** Reads a whole number of at least 1 from the command line. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number, 1 or more.");
  return value;
}

/** Reads a number from the command line. */
export function realNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** Reads whole numbers with commas between them. */
export function numberList(text: string): number[] {
  const values = text.split(",").map(wholeNumber);
  if (new Set(values).size !== values.length) throw new InvalidArgumentError("No number may come twice.");
  return values;
}

/** For options that may be given several times: all texts in order. */
export function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text];
}

/** Reads names with commas between them. */
export function nameList(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("It must be names with commas between them.");
  return names;
}

/** Reads "theirs=ours", which may come several times. */
export function classPair(text: string, previous: readonly (readonly [string, string])[] = []): (readonly [string, string])[] {
  const equals = text.indexOf("=");
  const pair = [text.slice(0, Math.max(equals, 0)).trim(), text.slice(equals + 1).trim()] as const;
  if (pair.includes("")) throw new InvalidArgumentError("It must be a class of the data set, =, and a class of the model.");
  return [...previous, pair];
}
