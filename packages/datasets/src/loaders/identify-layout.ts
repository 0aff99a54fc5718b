import { join } from "node:path";
import { isFolder } from "../files/is-folder.ts";
import { listFolder } from "../files/list-folder.ts";
import { isVolumePath } from "../volumes/volume-paths.ts";
import { descriptionFile } from "./folder/description.ts";

/** Which data set of the registry a folder holds, and the options to open it with besides `root`. */
export interface IdentifiedLayout {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Recognises which data set a folder holds by its own files' and folders' names. A description, `hidiff-dataset.yaml`, goes
 * before everything; then come the published layouts; then a folder of images with a folder of masks.
 *
 * @returns undefined for a layout that no data set has
 * @throws `datasets.layout` where the folder cannot be read
 */
export async function identifyLayout(root: string): Promise<IdentifiedLayout | undefined> {
  const names = new Set(await listFolder(root));
  const inside = async (...path: string[]): Promise<string[]> => {
    const folder = join(root, ...path);
    return (await isFolder(folder)) ? listFolder(folder) : [];
  };
  const found = (name: string): IdentifiedLayout => ({ name, options: {} });
  if (names.has(descriptionFile)) return found("folder");
  if ((await inside("training", "images")).some((name) => /^\d+_training\.tiff?$/i.test(name))) return found("drive");
  if ([...names].some((name) => /^Image_\d+[LR]\.jpg$/i.test(name))) return found("chase-db1");
  if (names.has("Original") && names.has("Ground Truth")) return found("cvc-clinicdb");
  if (names.has("train_npz") || names.has("test_vol_h5")) return found("synapse");
  for (const folder of ["", "Training", "RawData/Training", "Abdomen/RawData/Training"]) {
    if ((await inside(folder, "img")).some((name) => /^img\d+\.nii(\.gz)?$/i.test(name))) return found("synapse");
  }
  const isCase = (name: string): boolean => /^BraTS.*_\d+$/i.test(name);
  if ([...names].some(isCase)) return found("brats2021");
  for (const name of names) if (/^BraTS/i.test(name) && (await inside(name)).some(isCase)) return found("brats2021");
  if (names.has("imagesTr") && (names.has("dataset.json") || (await inside("imagesTr")).every((name) => isVolumePath(name)))) {
    return found(names.has("labelsTr") ? "msd" : "folder");
  }
  const images = await inside("images");
  const masks = await inside("masks");
  if (images.length === 0 || masks.length === 0) return names.has("imagesTr") && names.has("labelsTr") ? found("folder") : undefined;
  const isKvasir = images.every((name) => /\.jpg$/i.test(name)) && images.some((name) => /^c[jk][a-z0-9]{23}\.jpg$/i.test(name));
  return found(isKvasir ? "kvasir-seg" : "folder");
}
