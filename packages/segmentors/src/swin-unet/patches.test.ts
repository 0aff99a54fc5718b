import { Generator, type Tensor4D, tensor4d, tidy } from "@hidiff/core-tensor";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { expectGradients } from "../../../core-tensor/src/testing/expect-gradients.ts";
import { gatherPatches, PatchEmbedding, spreadPatches } from "./patches.ts";

beforeAll(useTestBackend);

it("gatherPatches puts the pixels of 2×2 patches side by side, by columns", async () => {
  await expectGradients({
    inputs: [{ shape: [2, 4, 6, 3] }],
    operation: (map) => gatherPatches(map as Tensor4D),
    reference: (map) => {
      const result: number[] = [];
      for (let b = 0; b < 2; b++) {
        for (let row = 0; row < 4; row += 2) {
          for (let column = 0; column < 6; column += 2) {
            for (const [down, right] of [[0, 0], [1, 0], [0, 1], [1, 1]] as const) {
              const start = ((b * 4 + row + down) * 6 + column + right) * 3;
              result.push(...map!.slice(start, start + 3));
            }
          }
        }
      }
      return result;
    },
  });
});

it.each([2, 4])("spreadPatches makes a patch of %d × that many pixels, by rows", async (factor) => {
  const [batch, height, width, channels] = [2, 2, 3, 2];
  await expectGradients({
    inputs: [{ shape: [batch, height, width, factor * factor * channels] }],
    operation: (map) => spreadPatches(map!, factor),
    reference: (map) => {
      const result = new Float64Array(map!.length);
      map!.forEach((value, index) => {
        const [channel, part] = [index % channels, Math.floor(index / channels)];
        const [right, down] = [part % factor, Math.floor(part / factor) % factor];
        const pixel = Math.floor(part / factor / factor);
        const [row, column] = [Math.floor(pixel / width) * factor + down, (pixel % width) * factor + right]; // row over all images
        result[(row * width * factor + column) * channels + channel] = value;
      });
      return result;
    },
  });
});

it("PatchEmbedding takes a grey image for a colour image of three equal channels", () =>
  noLeak(() => {
    const grey = new PatchEmbedding(1, 8, new Generator(1));
    const colour = new PatchEmbedding(3, 8, new Generator(2));
    colour.loadStateDict(grey.stateDict());
    const values = new Generator(3).uniformArray(2 * 8 * 12, -1, 1);
    tidy(() => {
      const embedded = grey.forward(tensor4d(values, [2, 8, 12, 1]));
      expect(embedded.shape).toEqual([2, 2, 3, 8]);
      const repeated = Float32Array.from({ length: 3 * values.length }, (_, index) => values[Math.floor(index / 3)]!);
      expect(embedded.dataSync()).toEqual(colour.forward(tensor4d(repeated, [2, 8, 12, 3])).dataSync());
    });
    grey.dispose();
    colour.dispose();
  }));

it.each([2, 3, 5])("PatchEmbedding of %d channels has as many inputs", (imageChannels) => {
  const embedding = new PatchEmbedding(imageChannels, 4, new Generator(1));
  expect(embedding.stateDict().get("projection.weight")!.shape).toEqual([4, 4, imageChannels, 4]);
  embedding.dispose();
});
