import { readFileSync } from "node:fs";
import { goldensFolder, readGolden, readGoldenTensors } from "../../../../test/goldens.ts";
import type { GoldenDecisions, GoldenMode } from "./golden-support.ts";

/** The published network's numbers, from the full goldens or from a fixture. */
export interface Golden<Configuration> {
  readonly configuration: Configuration;
  /** Output values and the elements (row-major, published layout) that they belong to. */
  output(mode: GoldenMode): { readonly elements: readonly number[]; readonly values: readonly number[] };
  /** Norms of the gradients in training mode, of parameters given by published name. */
  gradientNorms(names: readonly string[]): readonly number[];
  decisions(mode: GoldenMode): GoldenDecisions;
}

/** A golden made small: what `scripts/make-golden-fixtures.ts` writes. */
export interface GoldenFixture<Configuration> {
  readonly configuration: Configuration;
  readonly outputLength: number;
  /** Values of the elements that {@link sampledElements} lists. */
  readonly outputs: Readonly<Record<GoldenMode, readonly number[]>>;
  /** Gradient norms in the alphabetical order of the published names. */
  readonly gradientNorms: readonly number[];
  /** For every decision, the elements close to the threshold: as published e if decided 1, −1 − e if decided 0. */
  readonly decisions: Readonly<Record<GoldenMode, readonly (readonly number[])[]>>;
}

/** 256 elements of `length`; the odd step makes them visit all rows and columns. */
export function sampledElements(length: number): number[] {
  const step = Math.floor(length / 256) - 1;
  return Array.from({ length: 256 }, (_, index) => index * step);
}

export function readFixture<Configuration>(name: string): Golden<Configuration> {
  const text = readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8");
  const fixture = JSON.parse(text) as GoldenFixture<Configuration>;
  return {
    configuration: fixture.configuration,
    output: (mode) => ({ elements: sampledElements(fixture.outputLength), values: fixture.outputs[mode] }),
    gradientNorms: (names) => {
      const sorted = names.toSorted();
      if (sorted.length !== fixture.gradientNorms.length) {
        throw new Error(`The fixture ${name} has ${fixture.gradientNorms.length} gradient norms, asked for ${sorted.length}.`);
      }
      const norms = new Map(sorted.map((published, index) => [published, fixture.gradientNorms[index]!]));
      return names.map((published) => norms.get(published)!);
    },
    decisions: (mode) => {
      const recorded = fixture.decisions[mode].map((elements) => new Map(elements.map((e) => (e >= 0 ? [e, 1] : [-1 - e, 0]))));
      return { recorded: (index, element) => recorded[index]?.get(element) };
    },
  };
}

/** Why the full goldens cannot be read, to be appended to a test's name; empty if they can. */
export const withoutGoldens: string = goldensFolder === undefined ? " (skipped: the folder of goldens is absent)" : "";

interface FullGolden {
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly train_grad_l2: Readonly<Record<string, number | null>>;
}

/** @param outputName the array of the output in evaluation mode; the other one's name starts with "train." */
export function readFullGolden<Configuration>(name: string, outputName: string): Golden<Configuration & FullGolden> & { tap(name: string): Float32Array } {
  const configuration = readGolden<Configuration & FullGolden>(`${name}.json`);
  const { tensors } = readGoldenTensors(`${name}.safetensors`);
  const array = (key: string): Float32Array => tensors.get(key)!.data as Float32Array;
  return {
    configuration,
    output: (mode) => {
      const values = Array.from(array(mode === "eval" ? outputName : `train.${outputName}`));
      return { elements: [...values.keys()], values };
    },
    gradientNorms: (names) => names.map((published) => configuration.train_grad_l2[published]!),
    decisions: (mode) => ({
      recorded: (index, element) => {
        const bits = tensors.get(`sign.${mode}.${index}`)?.data;
        return bits === undefined ? undefined : (bits[element >> 3]! >> (element & 7)) & 1;
      },
    }),
    tap: (key) => array(`tap.${key}`),
  };
}
