import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";

/** A small volume for tests, in a patient's terms: values by position from right to left, front to back, feet to head. */
export interface CanonicalVolume {
  /** Voxels along [feet to head, front to back, right to left]: the axes of an axial stack. */
  readonly shape: readonly [depth: number, height: number, width: number];
  /** Millimetres along the same axes. */
  readonly spacing?: readonly [number, number, number];
  /** @returns the value of one channel at a place of the axial stack */
  readonly value: (slice: number, row: number, column: number, channel: number) => number;
  readonly channels?: number;
}

/** Header codes of the data types of NIfTI-1 that tests use. */
const dataTypes = { uint8: [2, 8], int16: [4, 16], float32: [16, 32] } as const;

/**
 * Writes a NIfTI-1 file byte by byte, with no help from the readers and writers under test. The voxels are stored along the
 * given axes: "RAS" (columns run to the patient's right, rows to the front, slices to the head), "LPS", "ASL", … The sform
 * places the same patient in all of them.
 */
export async function writeNifti(path: string, volume: CanonicalVolume, axes: string = "LPS", type: keyof typeof dataTypes = "int16"): Promise<void> {
  const spacing = volume.spacing ?? [1, 1, 1];
  const channels = volume.channels ?? 1;
  // For each file axis: the stack axis that it is (0 depth, 1 height, 2 width) and whether it runs backwards.
  const along = [...axes].map((letter) => ({
    axis: "SI".includes(letter) ? 0 : "PA".includes(letter) ? 1 : 2,
    backwards: "IAR".includes(letter),
  }));
  const sizes = along.map(({ axis }) => volume.shape[axis]!);
  const [code, bits] = dataTypes[type];
  const header = new DataView(new ArrayBuffer(352));
  header.setInt32(0, 348, true);
  [channels > 1 ? 4 : 3, ...sizes, channels, 1, 1, 1].forEach((value, i) => header.setInt16(40 + 2 * i, value, true));
  header.setInt16(70, code, true);
  header.setInt16(72, bits, true);
  [1, ...along.map(({ axis }) => spacing[axis]!), 1].forEach((value, i) => header.setFloat32(76 + 4 * i, value, true));
  header.setFloat32(108, 352, true);
  header.setUint8(123, 2); // millimetres
  header.setInt16(254, 1, true); // sform: scanner coordinates
  along.forEach(({ axis, backwards }, column) => {
    // The rows of the sform are towards the right, the front and the head, against the stack's width and height.
    const row = 2 - axis;
    const step = (axis === 0 ? 1 : -1) * (backwards ? -1 : 1) * spacing[axis]!;
    header.setFloat32(280 + 16 * row + 4 * column, step, true);
    header.setFloat32(280 + 16 * row + 12, backwards ? -step * (volume.shape[axis]! - 1) : 0, true);
  });
  new Uint8Array(header.buffer).set([0x6e, 0x2b, 0x31, 0], 344);

  const count = sizes.reduce((product, size) => product * size, channels);
  const values = type === "uint8" ? new Uint8Array(count) : type === "int16" ? new Int16Array(count) : new Float32Array(count);
  let index = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let k = 0; k < sizes[2]!; k++) {
      for (let j = 0; j < sizes[1]!; j++) {
        for (let i = 0; i < sizes[0]!; i++) {
          const place = [0, 0, 0];
          [i, j, k].forEach((position, file) => {
            const { axis, backwards } = along[file]!;
            place[axis] = backwards ? sizes[file]! - 1 - position : position;
          });
          values[index++] = volume.value(place[0]!, place[1]!, place[2]!, channel);
        }
      }
    }
  }
  const bytes = new Uint8Array(352 + values.byteLength);
  bytes.set(new Uint8Array(header.buffer));
  bytes.set(new Uint8Array(values.buffer), 352);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, path.endsWith(".gz") ? gzipSync(bytes) : bytes);
}
