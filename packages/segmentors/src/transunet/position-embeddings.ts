import { reshape, resizeBilinear, type Tensor, type Tensor3D, type Tensor4D, tidy } from "@hidiff/core-tensor";

/**
 * Position embeddings of a square grid, `[1, grid², hiddenSize]` in row-major order, on another grid,
 * `[1, height·width, hiddenSize]`: by bilinear interpolation with aligned corners, as the published code resamples those of a
 * checkpoint.
 */
export function resizePositionEmbeddings(embeddings: Tensor, [height, width]: readonly [number, number]): Tensor3D {
  const [, tokens, hiddenSize] = embeddings.shape as [number, number, number];
  const grid = Math.sqrt(tokens);
  return tidy(() => {
    const onGrid = reshape(embeddings, [1, grid, grid, hiddenSize]) as Tensor4D;
    return reshape(resizeBilinear(onGrid, [height, width], { alignCorners: true }), [1, height * width, hiddenSize]);
  });
}
