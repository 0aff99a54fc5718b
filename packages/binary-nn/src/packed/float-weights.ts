/** Columns that a product computes at once; weights are padded to a multiple of it. */
const columnsTogether = 8;

/** A matrix `[depth][columns]` as the kernels read it: groups of 8 columns, each `[depth][8]`, padded with zeros. */
export function kernelMatrix(matrix: Float32Array, depth: number, columns: number): Float32Array {
  const groups = Math.ceil(columns / columnsTogether);
  const result = new Float32Array(groups * depth * columnsTogether);
  for (let k = 0; k < depth; k++) {
    for (let column = 0; column < columns; column++) {
      const group = Math.floor(column / columnsTogether);
      result[(group * depth + k) * columnsTogether + (column % columnsTogether)] = matrix[k * columns + column]!;
    }
  }
  return result;
}

/** A vector padded with zeros to a multiple of 8. */
export function kernelVector(vector: ArrayLike<number>): Float32Array {
  const result = new Float32Array(Math.ceil(vector.length / columnsTogether) * columnsTogether);
  result.set(vector);
  return result;
}

/** The filter `[dy][dx][inChannel][outChannel]` as `[dx][dy][inChannel]` rows, `paddedInChannels` each. */
export function columnOrder(filter: Float32Array, inChannels: number, outChannels: number, paddedInChannels: number): Float32Array {
  const result = new Float32Array(9 * paddedInChannels * outChannels);
  for (let dy = 0; dy < 3; dy++) {
    for (let dx = 0; dx < 3; dx++) {
      const from = (dy * 3 + dx) * inChannels * outChannels;
      result.set(filter.subarray(from, from + inChannels * outChannels), (dx * 3 + dy) * paddedInChannels * outChannels);
    }
  }
  return result;
}

/** Rows of G in Winograd's filter transformation `G g Gᵀ` for F(2×2, 3×3) (Lavin & Gray 2016). */
const transformation = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
] as const;

/**
 * The filter `[dy][dx][inChannel][outChannel]` as the 16 matrices of Winograd's products, each as {@link kernelMatrix}, with
 * `paddedInChannels` rows.
 */
export function winogradFilter(filter: Float32Array, inChannels: number, outChannels: number, paddedInChannels: number): Float32Array {
  const size = kernelMatrix(new Float32Array(0), paddedInChannels, outChannels).length;
  const result = new Float32Array(16 * size);
  const plane = inChannels * outChannels;
  transformation.forEach((vertical, i) => {
    transformation.forEach((horizontal, j) => {
      const matrix = new Float32Array(paddedInChannels * outChannels);
      for (let k = 0; k < plane; k++) {
        let sum = 0;
        for (let dy = 0; dy < 3; dy++) for (let dx = 0; dx < 3; dx++) sum += vertical[dy]! * horizontal[dx]! * filter[(dy * 3 + dx) * plane + k]!;
        matrix[k] = sum;
      }
      result.set(kernelMatrix(matrix, paddedInChannels, outChannels), (4 * i + j) * size);
    });
  });
  return result;
}
