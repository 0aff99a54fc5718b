/** The slice of labels `[depth, height, width]` that has the most foreground: the first such, or the middle one without any. */
export function fullestSlice(labels: Uint8Array, { depth, height, width }: { readonly depth: number; readonly height: number; readonly width: number }): number {
  const size = height * width;
  let [best, most] = [Math.floor(depth / 2), 0];
  for (let index = 0; index < depth; index++) {
    let count = 0;
    for (let voxel = index * size; voxel < (index + 1) * size; voxel++) if (labels[voxel] !== 0) count++;
    if (count > most) [best, most] = [index, count];
  }
  return best;
}
