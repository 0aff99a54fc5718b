/** What Node.js and the browser both compute, by the same code. */
import { selectBackend } from "@hidiff/core-tensor";
import { encodeSafetensors, type StoredTensor } from "@hidiff/core-tensor/files";
import { Generator } from "@hidiff/core-tensor/random";
import { type BundleContents, HiDiff } from "hidiff";
import { decodeCompiledRefiner, type PackedInputs, PackedRefiner } from "hidiff/packed";
import { control, readProgram } from "../../packages/binary-nn/src/packed/walk.ts";

/** The threads that every task asks for. */
export const threads = 3;

/** Two images refined by four chains at every compiled step: a safetensors file of the outputs. */
export async function refine(bytes: Uint8Array): Promise<Uint8Array> {
  const [height, width, images, chains] = [64, 96, 2, 4];
  const generator = new Generator("images");
  const compiled = decodeCompiledRefiner(bytes, "The compiled refiner");
  const { imageChannels, classes, featureChannels } = compiled.architecture;
  const pixels = images * height * width;
  const features = featureChannels.map((channels, level) => generator.normalArray((pixels * channels) / (16 << (2 * level))));
  const refiner = await PackedRefiner.create(compiled, { threads });
  try {
    refiner.prepare({
      height,
      width,
      image: generator.uniformArray(pixels * imageChannels, -1, 1),
      prior: generator.uniformArray(pixels * classes),
      features: features as unknown as PackedInputs["features"],
    });
    const masks = (): Float32Array => generator.bernoulliArray(new Float32Array(chains * height * width * classes).fill(0.5));
    const outputs = compiled.steps.map((t): [string, StoredTensor] => [
      `step ${t}`,
      { shape: [chains, height, width, classes], data: refiner.step(masks(), t) },
    ]);
    const { threads: started, simd } = refiner.resources;
    const working = started === 1 ? 1 : workingThreads(refiner, () => refiner.step(masks(), compiled.steps[0]!));
    return encodeSafetensors(new Map(outputs), { threads: String(started), working: String(working), simd });
  } finally {
    refiner.dispose();
  }
}

/** An image segmented with a bundle: a safetensors file of masks and probabilities. */
export async function segment(source: string | BundleContents): Promise<Uint8Array> {
  await selectBackend({ prefer: "cpu" });
  const [height, width] = [40, 56];
  const image = { height, width, channels: 1, data: Uint8Array.from(new Generator("image").uniformArray(height * width, 0, 256)) };
  const hidiff = await HiDiff.load(source, { threads });
  try {
    const { mask, priorMask, probability, prior, classes } = await hidiff.segment(image, { seed: 5, samples: 3 });
    const started = (await hidiff.packedRefiner())?.resources.threads;
    return encodeSafetensors(
      new Map<string, StoredTensor>([
        ["mask", { shape: [height, width], data: mask }],
        ["priorMask", { shape: [height, width], data: priorMask }],
        ["probability", { shape: [height, width, classes], data: probability }],
        ["prior", { shape: [height, width, classes], data: prior }],
      ]),
      { engine: hidiff.engine, threads: String(started) },
    );
  } finally {
    hidiff.dispose();
  }
}

/**
 * The most threads that took part in one run, which is repeated until all did, for ten seconds at most. It is never left
 * to the browser to start a thread in between: refinement does not let it, either.
 */
function workingThreads(refiner: PackedRefiner, run: () => void): number {
  const words = new Int32Array(refiner.inspect()!.engine.bytes(0, 4 * control.words).buffer);
  let most = 0;
  for (const end = Date.now() + 10_000; most < refiner.resources.threads && Date.now() < end; ) {
    run();
    // A thread that works on an operation counts one chunk more than there are.
    const operations = readProgram(words, words[control.program]! >>> 0, [], 0);
    most = Math.max(most, ...operations.map(({ begun, chunks }) => Atomics.load(words, begun) - chunks));
  }
  return most;
}
