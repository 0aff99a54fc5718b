import { Generator, tensor3d, tidy } from "@hidiff/core-tensor";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { resizePositionEmbeddings } from "./position-embeddings.ts";

beforeAll(useTestBackend);

/** Each new position lies between four old ones; the corners stay in place. */
function interpolated(embeddings: Float32Array, [height, width]: readonly [number, number]): number[] {
  const [grid, hiddenSize] = [4, 3];
  const result: number[] = [];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [y, x] = [(row * (grid - 1)) / (height - 1), (column * (grid - 1)) / (width - 1)];
      const [top, left] = [Math.min(Math.floor(y), grid - 2), Math.min(Math.floor(x), grid - 2)];
      const [down, right] = [y - top, x - left];
      for (let channel = 0; channel < hiddenSize; channel++) {
        const at = (i: number, j: number): number => embeddings[((top + i) * grid + left + j) * hiddenSize + channel]!;
        result.push((1 - down) * ((1 - right) * at(0, 0) + right * at(0, 1)) + down * ((1 - right) * at(1, 0) + right * at(1, 1)));
      }
    }
  }
  return result;
}

it.each([[[6, 10]], [[2, 4]], [[4, 7]]] as const)("equals the loops from 4×4 to %j", (size) =>
  noLeak(() => {
    const values = new Generator("positions").uniformArray(16 * 3, -1, 1);
    tidy(() => {
      const resized = resizePositionEmbeddings(tensor3d(values, [1, 16, 3]), size);
      expect(resized.shape).toEqual([1, size[0] * size[1], 3]);
      expect(resized.dataSync()).toBeAllClose(interpolated(values, size), { absolute: 1e-6 });
    });
  }),
);

it("leaves embeddings of the right grid as they are", () => {
  const values = new Generator("positions").uniformArray(16 * 3, -1, 1);
  tidy(() => {
    expect([...resizePositionEmbeddings(tensor3d(values, [1, 16, 3]), [4, 4]).dataSync()]).toEqual([...values]);
  });
});
