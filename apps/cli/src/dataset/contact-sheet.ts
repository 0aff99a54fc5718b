import type { Picture } from "../pictures/maps.ts";

const gap = 6;

/** Pictures of three channels side by side in rows of `columns`, each in a cell of the largest size, on dark grey. */
export function contactSheet(pictures: readonly Picture[], columns: number): Picture {
  const cellWidth = Math.max(...pictures.map(({ width }) => width));
  const cellHeight = Math.max(...pictures.map(({ height }) => height));
  const used = Math.min(columns, pictures.length);
  const width = used * (cellWidth + gap) + gap;
  const height = Math.ceil(pictures.length / used) * (cellHeight + gap) + gap;
  const data = new Uint8Array(width * height * 3).fill(28);
  pictures.forEach((picture, index) => {
    const left = gap + (index % used) * (cellWidth + gap) + ((cellWidth - picture.width) >> 1);
    const top = gap + Math.floor(index / used) * (cellHeight + gap) + ((cellHeight - picture.height) >> 1);
    for (let row = 0; row < picture.height; row++) {
      data.set(picture.data.subarray(row * picture.width * 3, (row + 1) * picture.width * 3), ((top + row) * width + left) * 3);
    }
  });
  return { width, height, channels: 3, data };
}
