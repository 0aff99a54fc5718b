/**
 * Draws the figures of docs/method.md from the code that they explain, two of them with a model that `hidiff demo` has
 * trained. Usage:
 *
 *     pnpm figures [hidiff-demo/training/bundle]
 */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { selectBackend } from "@hidiff/core-tensor/node";
import { architecture } from "./architecture.ts";
import { binaryConvolution } from "./binary-convolution.ts";
import { forwardProcess, refinedExample, reverseProcess } from "./diffusion.ts";
import { schedules } from "./schedules.ts";

const [bundle] = process.argv.slice(2);
const folder = fileURLToPath(new URL("../../docs/figures/", import.meta.url));

await selectBackend();
const figures = new Map([
  ["schedules", schedules()],
  ["architecture", architecture()],
  ["binary-convolution", binaryConvolution()],
]);
if (bundle === undefined) {
  console.log("Without a model forward-process.svg and reverse-process.svg stay as they are: name the bundle of a demo.");
} else {
  const example = await refinedExample(bundle);
  figures.set("forward-process", await forwardProcess(example)).set("reverse-process", await reverseProcess(example));
}

await mkdir(folder, { recursive: true });
for (const [name, svg] of figures) {
  await writeFile(`${folder}${name}.svg`, svg);
  console.log(`docs/figures/${name}.svg`);
}
