/**
 * Turns by `turns` · 90° clockwise, exactly.
 *
 * @param data [height, width, channels]
 * @returns [width, height, channels] for an odd number of turns, otherwise [height, width, channels]
 */
export function quarterTurn(
  data: Float32Array,
  height: number,
  width: number,
  channels: number,
  turns: number,
): Float32Array {
  const quarter = ((turns % 4) + 4) % 4;
  if (quarter === 0) return data.slice();
  const turned = new Float32Array(data.length);
  let source = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let target: number;
      if (quarter === 1) target = column * height + (height - 1 - row);
      else if (quarter === 2) target = (height - 1 - row) * width + (width - 1 - column);
      else target = (width - 1 - column) * height + row;
      target *= channels;
      for (let channel = 0; channel < channels; channel++) turned[target++] = data[source++]!;
    }
  }
  return turned;
}
