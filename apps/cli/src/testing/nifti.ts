import { readFile, writeFile } from "node:fs/promises";
import { gunzipSync, gzipSync } from "node:zlib";

/** [i, j, k], i fastest. */
type Size = readonly [number, number, number];

/** Rows of voxel-to-world, in NIfTI's axes (right, front, head), in millimetres. */
type Affine = readonly (readonly [number, number, number, number])[];

/** A volume whose axes are those of no plane, with voxels of different lengths; left-handed. */
export const obliqueAffine: Affine = (() => {
  const [a, b] = [0.35, -0.2];
  const columns = [
    [-1.5 * Math.cos(a), -1.5 * Math.sin(a), 0],
    [-0.8 * Math.sin(a) * Math.cos(b), 0.8 * Math.cos(a) * Math.cos(b), 0.8 * Math.sin(b)],
    [2.5 * Math.sin(a) * Math.sin(b), -2.5 * Math.cos(a) * Math.sin(b), 2.5 * Math.cos(b)],
  ];
  return [0, 1, 2].map((row) => [columns[0]![row]!, columns[1]![row]!, columns[2]![row]!, [31.25, -17.5, 8.125][row]!] as const);
})();

/** Writes a NIfTI-1 file (.nii or .nii.gz) of float32 or uint8 voxels with an sform. */
export async function writeNifti(path: string, voxels: Float32Array | Uint8Array, size: Size, affine: Affine): Promise<void> {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [3, ...size, 1, 1, 1, 1].forEach((value, index) => header.writeInt16LE(value, 40 + 2 * index));
  header.writeInt16LE(voxels instanceof Uint8Array ? 2 : 16, 70);
  header.writeInt16LE(voxels instanceof Uint8Array ? 8 : 32, 72);
  const lengths = [0, 1, 2].map((column) => Math.hypot(...affine.map((row) => row[column]!)));
  [1, ...lengths, 0, 0, 0, 0].forEach((value, index) => header.writeFloatLE(value, 76 + 4 * index));
  header.writeFloatLE(352, 108);
  header.writeFloatLE(1, 112);
  header.writeUInt8(10, 123);
  header.write("made for a test", 148, "latin1");
  header.writeInt16LE(2, 254);
  affine.flat().forEach((value, index) => header.writeFloatLE(value, 280 + 4 * index));
  header.write("n+1\0", 344, "latin1");
  const content = Buffer.concat([header, Buffer.from(voxels.buffer, voxels.byteOffset, voxels.byteLength)]);
  await writeFile(path, path.endsWith(".gz") ? gzipSync(content) : content);
}

/** The header and the voxels of a NIfTI-1 file of uint8 or float32, by the bytes. */
export async function readNifti(path: string): Promise<{ header: Buffer; voxels: Uint8Array | Float32Array }> {
  const bytes = await readFile(path);
  const content = path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  const data = content.subarray(content.readFloatLE(108));
  const own = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return { header: content.subarray(0, 348), voxels: content.readInt16LE(70) === 2 ? new Uint8Array(own) : new Float32Array(own) };
}

/** A bright ball (class 1) and a brighter one (class 2) in noise, with their labels. */
export function drawBalls(seed: number, [width, height, depth]: Size): { image: Float32Array; labels: Uint8Array } {
  let state = seed * 7919 + 17;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const centres = [1, 2].map(() => [0.3 + 0.4 * random(), 0.3 + 0.4 * random(), 0.3 + 0.4 * random()] as const);
  const labels = new Uint8Array(width * height * depth);
  for (let voxel = 0; voxel < labels.length; voxel++) {
    const place = [voxel % width, Math.floor(voxel / width) % height, Math.floor(voxel / (width * height))] as const;
    centres.forEach((centre, index) => {
      const distance = Math.hypot(place[0] - centre[0] * width, place[1] - centre[1] * height, 2 * (place[2] - centre[2] * depth));
      if (distance < 6 - index) labels[voxel] = index + 1;
    });
  }
  return { image: Float32Array.from(labels, (label) => 100 + 100 * label + 30 * random()), labels };
}
