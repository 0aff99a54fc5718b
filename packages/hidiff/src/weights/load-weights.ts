import { fromPyTorchLayout, HidiffError, type Module, type ParameterLayout, pytorchShape, tensor, tidy, type Variable } from "@hidiff/core-tensor";
import type { WeightsFile } from "@hidiff/core-tensor/files";

/** An array of a network and what it is called in PyTorch. */
export interface NetworkArray {
  readonly name: string;
  readonly published: string;
  readonly variable: Variable;
  readonly layout: ParameterLayout;
}

/** A network's parameters and buffers, in order, with their names in PyTorch. */
export function networkArrays(module: Module, stateName: (name: string) => string): NetworkArray[] {
  const buffers = module.buffers().map((buffer) => ({ ...buffer, layout: "plain" as const }));
  return [...module.parameters(), ...buffers].map((array) => ({ ...array, published: stateName(array.name) }));
}

/** Where a file's arrays for a network are. */
interface WeightsSource {
  /** The name in the file of one of the network's arrays. */
  nameOf(array: NetworkArray): string;
  readonly layout: "hidiff" | "pytorch";
}

/**
 * Loads every parameter and buffer of a network from a file, one array after the other.
 *
 * @throws HidiffError `weights.missing` and `weights.shape`, listing the arrays, before anything is loaded; and those of reading
 */
export async function loadWeights(arrays: readonly NetworkArray[], file: WeightsFile, { nameOf, layout }: WeightsSource): Promise<void> {
  requireAll(arrays.map(nameOf), file, arrays.length);
  const expectedShape = ({ variable, layout: own }: NetworkArray): readonly number[] => (layout === "hidiff" ? variable.shape : pytorchShape(variable.shape, own));
  const misshaped = arrays.flatMap((array) => {
    const { shape } = file.entries.get(nameOf(array))!;
    const expected = expectedShape(array);
    return shape.length === expected.length && shape.every((size, axis) => size === expected[axis]) ? [] : [`${nameOf(array)} (expected [${expected}], got [${shape}])`];
  });
  if (misshaped.length > 0) {
    throw new HidiffError(
      "weights.shape",
      `${file.name} has ${misshaped.length} array(s) of other shapes than the network's: ${shorten(misshaped)}. Give the options that it was trained with; if they are right, it is of another architecture.`,
    );
  }
  for (const array of arrays) {
    const value = await file.read(nameOf(array));
    const { shape, data } = layout === "hidiff" ? value : fromPyTorchLayout(value, array.layout);
    tidy(() => array.variable.assign(tensor(data, [...shape]))); // no copy: what was read is nobody else's
  }
}

/** Throws HidiffError `weights.missing` if a file lacks some of the names. @param total how many arrays the network has */
export function requireAll(names: readonly string[], file: WeightsFile, total: number): void {
  const missing = names.filter((name) => !file.entries.has(name));
  if (missing.length === 0) return;
  throw new HidiffError(
    "weights.missing",
    `${file.name} lacks ${missing.length} of the network's ${total} arrays: ${shorten(missing)}. It is of another architecture, or was saved in part.`,
  );
}

/** The first few of many names. */
function shorten(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown}, … (${names.length - 5} more)` : shown;
}
