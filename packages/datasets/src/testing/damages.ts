import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { crc32, deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { decodeNpz, encodeNpz, type NpyArray } from "@hidiff/core-tensor/files";
import { Generator } from "@hidiff/core-tensor/random";
import sharp from "sharp";
import { readHdf5, writeHdf5 } from "../containers/hdf5.ts";

/** What befell a file of a data set. */
export interface Damage {
  readonly name: string;
  /** The file may hold something else afterwards, and nobody can tell: formats without checksums. */
  readonly mayGoUnnoticed?: true;
  /** @param elsewhere an empty folder outside of the data set */
  apply(path: string, elsewhere: string): Promise<void>;
}

/** What can befall a file of any format. */
export const damages: readonly Damage[] = [
  { name: "cut in the middle", apply: (path) => change(path, (bytes) => bytes.subarray(0, bytes.length >> 1)) },
  { name: "cut after ten bytes", apply: (path) => change(path, (bytes) => bytes.subarray(0, 10)) },
  { name: "empty", apply: (path) => writeFile(path, "") },
  { name: "a text", apply: (path) => writeFile(path, "<html><body>404 Not Found</body></html>\n") },
  { name: "another format", apply: (path) => writeFile(path, Buffer.concat([Buffer.from("%PDF-1.7\n"), Buffer.alloc(3000, 7)])) },
  {
    name: "a folder",
    apply: async (path) => {
      await rm(path);
      await mkdir(path);
    },
  },
  { name: "a link to nothing", apply: (path) => replaceByLink(path, `${basename(path)}.gone`) },
  { name: "a link to itself", apply: (path) => replaceByLink(path, basename(path)) },
  {
    name: "a link to a sound file outside of the data set",
    apply: async (path, elsewhere) => {
      await copyFile(path, join(elsewhere, "secret"));
      await replaceByLink(path, join(elsewhere, "secret"));
    },
  },
  { name: "a link to a device without end", apply: (path) => replaceByLink(path, "/dev/zero") },
  {
    name: "a named pipe",
    apply: async (path) => {
      await rm(path);
      execFileSync("mkfifo", [path]);
    },
  },
  { name: "missing", apply: (path) => rm(path) },
];

/** Changes of a few bytes. */
export const changedBytes: readonly Damage[] = ["beginning", "middle", "everywhere"].map((place) => ({
  name: `changed bytes (${place})`,
  mayGoUnnoticed: true,
  apply: (path: string) =>
    change(path, (bytes) => {
      const generator = new Generator(`${place} of ${basename(path)}`);
      const [from, length] = place === "beginning" ? [0, 64] : place === "middle" ? [bytes.length >> 1, 64] : [0, bytes.length];
      for (let count = 0; count < 16; count++) bytes[Math.min(bytes.length - 1, from + generator.integer(length))]! ^= 1 + generator.integer(255);
      return bytes;
    }),
}));

type Fill = (count: number) => number;

/** Images that are sound as such, but do not fit into their data set. */
export const wrongImages: readonly Damage[] = [
  { name: "another size", apply: (path) => reencode(path, (image) => image.resize(20, 20, { fit: "fill", kernel: "nearest" })) },
  { name: "turned by 90°", apply: (path) => reencode(path, (image) => image.rotate(90).extend({ right: 1 })) },
  {
    name: "a PNG that claims to be of 16000×16000 pixels",
    apply: (path) => change(path, claimSize),
  },
];

export const greyInsteadOfColour: Damage = { name: "grey", apply: (path) => reencode(path, (image) => image.greyscale(), 1) };

/** A grey mask with values that are neither background nor foreground. */
export const maskWithOtherValues: Damage = {
  name: "mask values out of range",
  apply: (path) => reencode(path, (image) => image.greyscale().linear(0, 77), 1),
};

/** NIfTI volumes (gzip) with other voxels or another grid: sound files that do not fit. */
export function volumeWith(name: string, edit: (header: DataView, voxels: Buffer) => Buffer | void): Damage {
  return {
    name,
    apply: (path) =>
      change(path, (bytes) => {
        const file = gunzipSync(bytes);
        const header = file.subarray(0, 352);
        const voxels = edit(new DataView(header.buffer, header.byteOffset, 352), file.subarray(352)) ?? file.subarray(352);
        return gzipSync(Buffer.concat([header, voxels]), { level: 1 });
      }),
  };
}

/** A volume whose voxels are floating-point numbers, of which one is `value`. */
export function voxelOf(value: number): Damage {
  return volumeWith(`a voxel of ${value}`, (header, voxels) => {
    const [bytes, type] = [header.getInt16(72, true) / 8, header.getInt16(70, true)];
    const read: Fill = (index) => (type === 2 ? voxels[index]! : type === 4 ? voxels.readInt16LE(2 * index) : voxels.readFloatLE(4 * index));
    const numbers = Float32Array.from({ length: voxels.length / bytes }, (_, index) => read(index));
    numbers[numbers.length >> 1] = value;
    header.setInt16(70, 16, true);
    header.setInt16(72, 32, true);
    return Buffer.from(numbers.buffer);
  });
}

export const wrongVolumes: readonly Damage[] = [
  volumeWith("one slice less", (header, voxels) => {
    const depth = header.getInt16(46, true);
    header.setInt16(46, depth - 1, true);
    return voxels.subarray(0, (voxels.length / depth) * (depth - 1));
  }),
  volumeWith("a header of another size", (header) => header.setInt16(46, header.getInt16(46, true) + 1, true)),
  volumeWith("sides of no length", (header) => header.setInt16(42, 0, true)),
  volumeWith("a header of 8 TB", (header) => [42, 44, 46].forEach((at) => header.setInt16(at, 20000, true))),
  volumeWith("two channels", (header, voxels) => {
    header.setInt16(40, 4, true);
    header.setInt16(48, 2, true);
    return Buffer.concat([voxels, voxels]);
  }),
  volumeWith("moved by 50 mm", (header) => {
    header.setFloat32(268, header.getFloat32(268, true) + 50, true);
    header.setFloat32(292, header.getFloat32(292, true) + 50, true);
  }),
  volumeWith("no direction", (header) => [280, 284, 288].forEach((at) => header.setFloat32(at, 0, true))),
  volumeWith("complex numbers", (header) => header.setInt16(70, 32, true)),
  volumeWith("an archive bomb behind its voxels", (_header, voxels) => Buffer.concat([voxels, Buffer.alloc(2 ** 24)])),
  voxelOf(Number.NaN),
  voxelOf(Number.POSITIVE_INFINITY),
  voxelOf(Number.NEGATIVE_INFINITY),
];

type Arrays = Map<string, NpyArray>;
const like = ({ shape }: NpyArray, value: Fill): NpyArray => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => value(index)),
});

/** What may be wrong with the arrays of a case. */
const wrongArrays: Readonly<Record<string, (arrays: Arrays) => void>> = {
  "no image": (arrays) => void arrays.delete("image"),
  "no label": (arrays) => void arrays.delete("label"),
  "an image of another size": (arrays) => {
    const rank = arrays.get("label")!.shape.length;
    arrays.set("image", { shape: [3, 3, 3].slice(-rank), data: new Float32Array(3 ** rank) });
  },
  "one axis more": (arrays) => void arrays.forEach(({ shape, data }, name) => arrays.set(name, { shape: [1, ...shape], data })),
  "a NaN": (arrays) => void arrays.set("image", like(arrays.get("image")!, (index) => (index === 5 ? Number.NaN : 0.5))),
  "an infinite value": (arrays) => void arrays.set("image", like(arrays.get("image")!, (index) => (index === 5 ? Infinity : 0.5))),
  "Hounsfield units": (arrays) => void arrays.set("image", like(arrays.get("image")!, () => -1000)),
  "a label of 77": (arrays) => void arrays.set("label", like(arrays.get("label")!, (index) => (index === 9 ? 77 : 0))),
  "a label of -1": (arrays) => void arrays.set("label", like(arrays.get("label")!, (index) => (index === 9 ? -1 : 0))),
  "a label of 0.5": (arrays) => void arrays.set("label", like(arrays.get("label")!, (index) => (index === 9 ? 0.5 : 0))),
  "a label of NaN": (arrays) => void arrays.set("label", like(arrays.get("label")!, (index) => (index === 9 ? Number.NaN : 0))),
};

export const wrongArchives: readonly Damage[] = [
  ...Object.entries(wrongArrays).map(([name, edit]) => ({
    name,
    apply: (path: string) =>
      change(path, (bytes) => {
        const arrays = decodeNpz(bytes, path);
        edit(arrays);
        return encodeNpz(arrays);
      }),
  })),
  { name: "an archive bomb", apply: (path) => change(path, (bytes) => claimUnpacked(bytes, 2 ** 32 - 16)) },
  { name: "an archive whose directory tells too little", apply: (path) => change(path, (bytes) => claimUnpacked(bytes, 100)) },
  {
    name: "an archive with a path that leads outside",
    apply: (path) => change(path, (bytes) => Buffer.from(bytes.toString("latin1").replaceAll("image.npy", "../ma.npy"), "latin1")),
  },
];

export const wrongHdf5: readonly Damage[] = Object.entries(wrongArrays).map(([name, edit]) => ({
  name,
  apply: async (path) => {
    const arrays = await readHdf5(path, ["image", "label"]);
    edit(arrays);
    await writeHdf5(path, arrays);
  },
}));

/** A PNG of 16000×16000 black pixels whose data end after the first rows. */
function claimSize(): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, checksum]);
  };
  const header = Buffer.from([0, 0, 62, 128, 0, 0, 62, 128, 8, 2, 0, 0, 0]);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(100_000))), chunk("IEND", Buffer.alloc(0))]);
}

async function change(path: string, edit: (bytes: Buffer) => Uint8Array): Promise<void> {
  await writeFile(path, edit(await readFile(path)));
}

async function replaceByLink(path: string, target: string): Promise<void> {
  await rm(path);
  await symlink(target, path);
}

/** Changes the unpacked size of a zip file's first entry, which stands before its data and in the directory. */
function claimUnpacked(bytes: Buffer, size: number): Buffer {
  bytes.writeUInt32LE(size, 22);
  bytes.writeUInt32LE(size, bytes.indexOf("PK\u0001\u0002", 0, "latin1") + 24);
  return bytes;
}

/** Writes an image again in its own format. */
async function reencode(path: string, edit: (image: sharp.Sharp) => sharp.Sharp, channels?: 1): Promise<void> {
  const bytes = await readFile(path);
  const { format } = await sharp(bytes).metadata();
  const { data, info } = await edit(sharp(bytes)).raw().toBuffer({ resolveWithObject: true });
  const pixels = channels === 1 && info.channels > 1 ? data.filter((_, index) => index % info.channels === 0) : data;
  const raw = { width: info.width, height: info.height, channels: channels ?? info.channels };
  const image = sharp(pixels, { raw });
  await writeFile(path, await (raw.channels === 1 ? image.toColourspace("b-w") : image).toFormat(format).toBuffer());
}
