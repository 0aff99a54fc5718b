import { encodeNpz } from "@hidiff/core-tensor/files";
import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { Generator } from "@hidiff/core-tensor/random";
import { writeHdf5 } from "../../containers/hdf5.ts";
import { synapseTest, synapseTrainSlices } from "../../splits/lists/synapse.ts";
import { btcvToSynapse, drawAbdomen } from "../abdomen.ts";
import type { DrawnVolume } from "../drawn-volume.ts";
import { writeNifti } from "./nifti-file.ts";
import { type LayoutOptions, padded, type PlannedFile, rememberLast } from "./planned-file.ts";
import { drawWhole } from "./whole-volume.ts";

/** The CT of a case such as `case0005`, in Hounsfield units with BTCV's labels. */
export function drawSynapse(seed: number | string, id: string, { size, depth }: Pick<LayoutOptions, "size" | "depth">): DrawnVolume {
  return drawAbdomen({ size, depth }, new Generator(seed).split("synapse").split(id));
}

/** The first cases of the published split. */
function cases({ train, test }: LayoutOptions): { train: string[]; test: string[] } {
  return { train: Object.keys(synapseTrainSlices).slice(0, train), test: synapseTest.slice(0, test) };
}

/**
 * TransUNet's files: `train_npz/case0005_slice000.npz`, `test_vol_h5/case0001.npy.h5`, each with `image` in [0, 1] and
 * `label` of eight organs, and `lists_Synapse/train.txt`, `lists_Synapse/test_vol.txt`.
 */
export function planSynapse(options: LayoutOptions): PlannedFile[] {
  const { train, test } = cases(options);
  const draw = rememberLast((id) => drawSynapse(options.seed, id, options));
  const slices = train.flatMap((id) => Array.from({ length: options.depth }, (_, index) => ({ id, index, name: `${id}_slice${padded(index, 3)}` })));
  const list = (path: string, names: readonly string[]): PlannedFile => ({
    path,
    write: (file) => writeFileAtomic(file, names.map((name) => `${name}\n`).join("")),
  });
  return [
    ...slices.map(({ id, index, name }) => ({
      path: `train_npz/${name}.npz`,
      write: async (path: string) => {
        const volume = draw(id);
        const { image, labels } = volume.slice(index);
        const shape = [volume.height, volume.width];
        const arrays = new Map([["image", { shape, data: windowed(image) }], ["label", { shape, data: eightOrgans(labels) }]]);
        await writeFileAtomic(path, encodeNpz(arrays));
      },
    })),
    ...test.map((id) => ({
      path: `test_vol_h5/${id}.npy.h5`,
      write: (path: string) => {
        const { shape, channels, labels } = drawWhole(draw(id));
        return writeHdf5(path, new Map([["image", { shape, data: windowed(channels[0]!) }], ["label", { shape, data: eightOrgans(labels) }]]));
      },
    })),
    list("lists_Synapse/train.txt", slices.map(({ name }) => name)),
    list("lists_Synapse/test_vol.txt", test),
  ];
}

/** [-125, 275] HU to [0, 1]. */
function windowed(image: Float32Array): Float32Array {
  return image.map((value) => Math.min(1, Math.max(0, (value + 125) / 400)));
}

function eightOrgans(labels: Uint8Array): Float32Array {
  return Float32Array.from(labels, (label) => btcvToSynapse[label]!);
}

/** The BTCV challenge's files: `RawData/Training/img/img0001.nii.gz` (int16) and `RawData/Training/label/label0001.nii.gz`. */
export function planSynapseRaw(options: LayoutOptions): PlannedFile[] {
  const { train, test } = cases(options);
  const draw = rememberLast((id) => drawWhole(drawSynapse(options.seed, id, options)));
  return [...train, ...test].sort().flatMap((id) => {
    const number = id.slice("case".length);
    return [
      {
        path: `RawData/Training/img/img${number}.nii.gz`,
        write: (path: string) => {
          const { shape, spacing, channels } = draw(id);
          return writeNifti(path, { shape, spacing, data: Int16Array.from(channels[0]!) }, "LAS", [190, -170, -640]);
        },
      },
      {
        path: `RawData/Training/label/label${number}.nii.gz`,
        write: (path: string) => {
          const { shape, spacing, labels } = draw(id);
          return writeNifti(path, { shape, spacing, data: labels }, "LAS", [190, -170, -640]);
        },
      },
    ];
  });
}
