import { open } from "node:fs/promises";
import { join, relative } from "node:path";
import { isFolder } from "../files/is-folder.ts";
import { listFolder } from "../files/list-folder.ts";
import { statFile } from "../files/read-file.ts";
import { isImagePath } from "../raster/image-paths.ts";
import { firstFew } from "../splits/check.ts";
import { isVolumePath } from "../volumes/volume-paths.ts";
import { stem } from "./folder/cases.ts";
import { descriptionFile } from "./folder/description.ts";
import { identifyLayout } from "./identify-layout.ts";

/** A folder as far as a suggestion needs it. */
interface Listing {
  readonly path: string;
  readonly folders: readonly string[];
  /** Images and volumes. */
  readonly pictures: readonly string[];
  readonly others: readonly string[];
}

/** How folders of masks are usually called, and their files' endings. */
const maskName = /mask|label|seg|ground|truth|^gt|annot|manual|target/i;
/** How the folders of splits are usually called. */
const splitName = /^(train(ing)?|val(id(ation)?)?|test(ing)?|dev)$/i;
/** How deep data sets are looked for, and in how many folders. */
const [mostLevels, mostFolders] = [3, 100];

/**
 * What is in a folder that no data set's layout has, and what its owner can do about it: sentences for an error.
 *
 * @throws `datasets.layout` where the folder cannot be read
 */
export async function suggestLayout(root: string): Promise<string> {
  const listing = await list(root);
  const { folders, pictures, others } = listing;
  if (folders.length + pictures.length + others.length === 0) return "It is empty; unpack the data set into it, or give another folder.";
  const inner = await Promise.all(folders.map((name) => list(join(root, name))));
  return (
    splitFolders(inner) ??
    (await dataSetsWithin(root, folders)) ??
    maskFolder(inner) ??
    mixed(listing) ??
    tables(listing) ??
    (await dicom([listing, ...inner])) ??
    archives(listing) ??
    withoutMasks([listing, ...inner]) ??
    `It holds ${firstFew([...folders.map((name) => `${name}/`), ...pictures, ...others].map((name) => `"${name}"`), 5)}. ${ownFolder}`
  );
}

const ownFolder =
  'A data set of your own has its images in a folder "images" and their masks, named alike, in a folder "masks"; anything else is described in ' +
  `${descriptionFile}.`;

/** What to write into a description: fields with their values. */
function describe(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([field, value]) => `"${field}: ${/^[\w./ -]+$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`}"`);
  return `write ${lines.join(" and ")} into a file ${descriptionFile} in the folder`;
}

async function list(path: string): Promise<Listing> {
  const [folders, pictures, others]: [string[], string[], string[]] = [[], [], []];
  for (const name of await listFolder(path)) {
    const kind = isImagePath(name) || isVolumePath(name) ? pictures : (await isFolder(join(path, name))) ? folders : others;
    kind.push(name);
  }
  return { path, folders, pictures, others };
}

const nameOf = (path: string): string => path.split(/[/\\]/).at(-1)!;

/** train/images, train/masks, test/images, … */
function splitFolders(inner: readonly Listing[]): string | undefined {
  const splits = inner.filter(({ path, folders, pictures }) => splitName.test(nameOf(path)) && folders.length + pictures.length > 0);
  if (splits.length < 2) return undefined;
  const { path, folders, pictures } = splits[0]!;
  const folder = folders.find((name) => !maskName.test(name));
  const example = `${nameOf(path)}/${folder === undefined ? (pictures[0] ?? "a.png") : `${folder}/a.png`}`;
  return (
    `It has a folder for each split (${splits.map((split) => nameOf(split.path)).join(", ")}). Name every image in a table cases.csv with the columns ` +
    `image, mask and split (paths such as ${example}), and ${describe({ table: "cases.csv" })}.`
  );
}

/** Data sets in folders of the folder. */
async function dataSetsWithin(root: string, folders: readonly string[]): Promise<string | undefined> {
  const found: { path: string; name: string }[] = [];
  let level = folders.map((name) => join(root, name));
  let looked = 0;
  for (let depth = 1; depth <= mostLevels && found.length === 0; depth++) {
    const next: string[] = [];
    for (const path of level) {
      if (++looked > mostFolders) break;
      const layout = await identifyLayout(path);
      if (layout !== undefined) found.push({ path, name: layout.name });
      else if (depth < mostLevels) next.push(...(await list(path)).folders.map((name) => join(path, name)));
    }
    level = next;
  }
  if (found.length === 0) return undefined;
  if (found.length === 1) {
    const { path, name } = found[0]!;
    const what = name === "folder" ? "holds images and masks" : `has the layout of "${name}"`;
    return `Its folder "${relative(root, path)}" ${what}; give ${path} instead.`;
  }
  return `It holds several data sets: ${firstFew(found.map(({ path, name }) => `"${relative(root, path)}" (${name})`), 5)}; give one of them.`;
}

/** A folder of images and one of masks under other names. */
function maskFolder(inner: readonly Listing[]): string | undefined {
  const full = inner.filter(({ pictures }) => pictures.length > 0).map(({ path }) => nameOf(path));
  const masks = full.filter((name) => maskName.test(name));
  const images = full.filter((name) => !maskName.test(name));
  if (masks.length !== 1 || images.length !== 1) return undefined;
  const description = describe({ images: images[0]!, masks: masks[0]! });
  return `If the images are in "${images[0]}" and their masks in "${masks[0]}", ${description}, or rename them to images and masks.`;
}

/** Images and masks in one folder, told apart by what the masks' names end in. */
function mixed({ pictures }: Listing): string | undefined {
  const stems = new Set(pictures.map(stem));
  const counts = new Map<string, number>();
  for (const long of stems) {
    for (let cut = long.length - 1; cut > 0; cut--) {
      if (!stems.has(long.slice(0, cut))) continue;
      const suffix = long.slice(cut);
      counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
    }
  }
  const [suffix, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? ["", 0];
  if (!maskName.test(suffix) || count < stems.size / 4) return undefined;
  return (
    `It seems to hold ${count} images with their masks beside them. If so, ` +
    `${describe({ images: ".", masks: ".", maskSuffix: suffix })}.`
  );
}

function tables({ others }: Listing): string | undefined {
  const table = others.find((name) => /\.(csv|tsv)$/i.test(name));
  if (table === undefined) return undefined;
  return `If "${table}" lists images and masks (in columns called image and mask), ${describe({ table })}.`;
}

/** Files of DICOM series, which have no common ending. */
async function dicom(listings: readonly Listing[]): Promise<string | undefined> {
  for (const { path, others } of listings) {
    for (const name of others.slice(0, 5)) {
      if (!(await isDicom(join(path, name)))) continue;
      return (
        `"${path}" holds DICOM files. For a data set, put the files of each series into a folder of its own within "images", and its mask under ` +
        `the same name into "masks" (images/patient1/…, masks/patient1.nii.gz).`
      );
    }
  }
  return undefined;
}

async function isDicom(path: string): Promise<boolean> {
  const file = await statFile(path).then(() => open(path, "r")).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(132), 0, 132, 0);
    return bytesRead === 132 && buffer.toString("latin1", 128) === "DICM";
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

function archives({ others, folders, pictures }: Listing): string | undefined {
  const packed = others.filter((name) => /\.(zip|tar|t?gz|7z|rar)$/i.test(name));
  if (packed.length === 0 || folders.length + pictures.length > 0) return undefined;
  return `It holds ${firstFew(packed.map((name) => `"${name}"`))}; unpack ${packed.length === 1 ? "it" : "them"} first.`;
}

function withoutMasks(listings: readonly Listing[]): string | undefined {
  const full = listings.filter(({ pictures }) => pictures.length > 0);
  if (full.length !== 1) return undefined;
  const { path, pictures } = full[0]!;
  return (
    `"${path}" holds ${pictures.length} images or volumes, but there are no masks. Put a mask for each, named alike, into a folder "masks" beside a ` +
    'folder "images".'
  );
}
