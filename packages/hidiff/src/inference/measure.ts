import type { StackSegmentation } from "./segment-stack.ts";

/** How much of a class a segmentation has. */
export interface ClassMeasurement {
  /** The class number. */
  readonly label: number;
  /** Pixels of an image, voxels of a volume. */
  readonly voxels: number;
  /** Mean probability of the class over its voxels; undefined without the map, and where there is no voxel. */
  readonly meanProbability: number | undefined;
  /** Mean variance over the chains, likewise. */
  readonly meanUncertainty: number | undefined;
}

/** Counts the voxels of each foreground class, and averages the maps that the segmentation kept over them. */
export function measureClasses({ depth, height, width, classes, labels, probability, uncertainty }: StackSegmentation): ClassMeasurement[] {
  const last = Math.max(1, classes - 1);
  const voxels = new Float64Array(last + 1);
  const [probabilities, uncertainties] = [new Float64Array(last + 1), new Float64Array(last + 1)];
  const size = height * width;
  for (let index = 0; index < depth; index++) {
    const [probabilitySlice, uncertaintySlice] = [probability?.slice(index), uncertainty?.slice(index)];
    for (let pixel = 0; pixel < size; pixel++) {
      const label = labels[index * size + pixel]!;
      if (label === 0) continue;
      const at = pixel * classes + (classes === 1 ? 0 : label);
      voxels[label] = voxels[label]! + 1;
      if (probabilitySlice !== undefined) probabilities[label] = probabilities[label]! + probabilitySlice[at]!;
      if (uncertaintySlice !== undefined) uncertainties[label] = uncertainties[label]! + uncertaintySlice[at]!;
    }
  }
  return Array.from({ length: last }, (_, index) => {
    const label = index + 1;
    const mean = (sums: Float64Array, map: unknown): number | undefined => (map === undefined || voxels[label] === 0 ? undefined : sums[label]! / voxels[label]!);
    return { label, voxels: voxels[label]!, meanProbability: mean(probabilities, probability), meanUncertainty: mean(uncertainties, uncertainty) };
  });
}
