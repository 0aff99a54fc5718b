import { decodeNpz, type NpyArray } from "@hidiff/core-tensor/files";
import { readWholeFile } from "../files/read-file.ts";
import type { VolumeShape } from "../volumes/volume.ts";
import { type PriorArray, priorError } from "./prior-array.ts";

/** How a prior's array may be called; the first one that is there is taken. */
const names = ["probabilities", "prior", "probability", "mask", "arr_0"] as const;

type Layout = Pick<PriorArray, "channels" | "channelAxis"> & { readonly shape: readonly number[] };

/**
 * Reads the prior of an archive of arrays: `probabilities` as nnU-Net writes it, with the classes first, or `prior`,
 * `probability`, `mask` or `arr_0` with the classes first, last or not at all.
 *
 * @param shape of the image, in the order of its file
 * @throws `datasets.priors` for other names, and shapes that do not fit the image or fit it in two ways; `file.read`, `npz.*`
 * and `npy.*` for what cannot be read
 */
export async function readNpzPrior(path: string, shape: VolumeShape, classes: number): Promise<PriorArray> {
  const arrays = decodeNpz(await readWholeFile(path), `"${path}"`, { limitBytes: 2 ** 32 });
  const name = names.find((candidate) => arrays.has(candidate));
  if (name === undefined) throw priorError(path, `holds the arrays ${[...arrays.keys()].join(", ")}; expected one called ${names.join(", ")}.`);
  const { data, shape: found } = arrays.get(name)!;
  const known = layouts(shape, classes).filter(({ channelAxis }) => name !== "probabilities" || channelAxis === "first");
  const fitting = known.filter((layout) => layout.shape.join() === found.join());
  const [layout] = fitting;
  const what = `holds "${name}" of the shape ${shapeOf(found)}`;
  if (layout === undefined) throw priorError(path, `${what}; the image needs one of ${known.map((other) => shapeOf(other.shape)).join(", ")}.`);
  const { channels, channelAxis } = layout;
  if (fitting.some((other) => other.channels !== channels || other.channelAxis !== channelAxis)) {
    throw priorError(path, `${what}, whose classes may be its first or its last axis; call it "probabilities" for the first.`);
  }
  return { path, data, channels, channelAxis, slope: 1, intercept: 0 };
}

function shapeOf(shape: NpyArray["shape"]): string {
  return `[${shape.join(", ")}]`;
}

/** The shapes that an array may have for an image. */
function layouts([depth, height, width]: VolumeShape, classes: number): Layout[] {
  const grids = depth === 1 ? [[height, width], [1, height, width]] : [[depth, height, width]];
  const plain = grids.map((shape): Layout => ({ shape, channels: 1, channelAxis: "first" }));
  const counts = classes === 1 ? [1, 2] : [1, classes];
  const withChannels = counts.flatMap((channels) =>
    grids.flatMap((grid): Layout[] => [
      { shape: [channels, ...grid], channels, channelAxis: "first" },
      // One channel is the same first and last.
      { shape: [...grid, channels], channels, channelAxis: channels === 1 ? "first" : "last" },
    ]),
  );
  return [...plain, ...withChannels];
}
