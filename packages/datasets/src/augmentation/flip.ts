/** Mirrors left and right, in place. `data`: [height, width, channels]. */
export function flipHorizontal(data: Float32Array, height: number, width: number, channels: number): void {
  for (let row = 0; row < height; row++) {
    let left = row * width * channels;
    let right = left + (width - 1) * channels;
    for (; left < right; left += channels, right -= channels) {
      for (let channel = 0; channel < channels; channel++) {
        const kept = data[left + channel]!;
        data[left + channel] = data[right + channel]!;
        data[right + channel] = kept;
      }
    }
  }
}

/** Mirrors top and bottom, in place. `data`: [height, width, channels]. */
export function flipVertical(data: Float32Array, height: number, width: number, channels: number): void {
  const length = width * channels;
  const kept = new Float32Array(length);
  for (let top = 0, bottom = height - 1; top < bottom; top++, bottom--) {
    kept.set(data.subarray(top * length, (top + 1) * length));
    data.copyWithin(top * length, bottom * length, (bottom + 1) * length);
    data.set(kept, bottom * length);
  }
}
