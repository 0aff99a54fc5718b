/**
 * Makes the small fixtures of src/refiner/fixtures from the full goldens (see test/goldens.ts for where those are looked for):
 *
 *     node --conditions=@hidiff/source --import tsx packages/hidiff/scripts/make-golden-fixtures.ts
 */
import { writeFileSync } from "node:fs";
import { selectBackend } from "@hidiff/core-tensor/node";
import { type Golden, type GoldenFixture, readFullGolden, sampledElements } from "../src/refiner/golden-sources.ts";
import {
  type CrossGoldenConfiguration,
  crossSubject,
  type GoldenMode,
  type GoldenSubject,
  type RefinerGoldenConfiguration,
  refinerSubject,
  runGolden,
} from "../src/refiner/golden-support.ts";

await selectBackend({ prefer: "wasm" });

for (const precision of ["binary", "real"] as const) {
  const refiner = readFullGolden<RefinerGoldenConfiguration>(`refiner_k4_s64_${precision}`, "eps");
  const { K, img_channels, size, condition_dims, model_channels, batch, timesteps } = refiner.configuration;
  const configuration = { K, img_channels, size, condition_dims, model_channels, batch, timesteps };
  write(`refiner_k4_s64_${precision}`, configuration, refiner, refinerSubject(configuration, precision));

  const cross = readFullGolden<CrossGoldenConfiguration>(`cross_w128_t8_${precision}`, "output.tokens");
  const { condition_channels, width, embedding_channels, tokens } = cross.configuration;
  const crossConfiguration = { condition_channels, width, embedding_channels, tokens, batch: cross.configuration.batch };
  write(`cross_w128_t8_${precision}`, crossConfiguration, cross, crossSubject(crossConfiguration, precision));
}

function write<C>(name: string, configuration: C, golden: Golden<C>, subject: GoldenSubject): void {
  const eval_ = condense(golden, subject, "eval");
  const train = condense(golden, subject, "train");
  const fixture: GoldenFixture<C> = {
    configuration,
    outputLength: golden.output("eval").values.length,
    outputs: { eval: eval_.output, train: train.output },
    gradientNorms: golden.gradientNorms(train.names.toSorted()).map(rounded),
    decisions: { eval: eval_.decisions, train: train.decisions },
  };
  const path = new URL(`../src/refiner/fixtures/${name}.json`, import.meta.url);
  writeFileSync(path, `${JSON.stringify(fixture)}\n`);
  console.log(`${name}: ${JSON.stringify(fixture).length} bytes`);
  subject.module.dispose();
}

function condense<C>(golden: Golden<C>, subject: GoldenSubject, mode: GoldenMode): { output: number[]; decisions: number[][]; names: string[] } {
  const theirs = golden.decisions(mode);
  const decisions: number[][] = [];
  // Running statistics are not used in training mode, and evaluation comes first.
  const { gradientNorms } = runGolden(subject, mode, theirs, (index, element) => {
    while (decisions.length <= index) decisions.push([]);
    decisions[index]!.push(theirs.recorded(index, element) === 1 ? element : -1 - element);
  });
  const { values } = golden.output(mode);
  return { output: sampledElements(values.length).map((element) => rounded(values[element]!)), decisions, names: [...gradientNorms.keys()] };
}

/** Six significant digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
