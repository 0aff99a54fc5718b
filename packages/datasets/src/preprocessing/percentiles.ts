import type { ImageStack, LabelStack } from "../types.ts";

/**
 * Percentiles of every channel's values over the whole stack, or over where `region` is not 0: exact, and equal to
 * NumPy's (linear interpolation between the two nearest ranks). The volume is never held.
 *
 * Integers from −32768 to 65535 are counted in one pass over the slices. Other values need two: one counts the upper 16
 * bits of each value's order-preserving 32-bit key, and the second counts the lower 16 bits of the values that share
 * their upper ones with a wanted rank.
 *
 * @param percents ascending, in [0, 100]
 * @returns one list a channel, as long as `percents`: empty for a channel without values, NaN for one with values that
 * are not finite
 */
export function channelPercentiles(image: ImageStack, region: LabelStack | undefined, percents: readonly number[]): number[][] {
  const counts = Array.from({ length: image.channels }, () => new ValueCounts());
  forEachSlice(image, region, (data, inside) => {
    for (const [channel, count] of counts.entries()) count.add(data, channel, image.channels, inside);
  });
  const ranks = counts.map(({ total }) => percents.map((percent) => (percent / 100) * (total - 1)));
  const wanted = ranks.map((list) => [...new Set(list.flatMap((rank) => [Math.floor(rank), Math.ceil(rank)]))].sort((a, b) => a - b));
  const searches = counts.map(({ upper }, channel) => (upper === undefined ? undefined : new LowBits(upper, wanted[channel]!)));
  if (searches.some((search) => search !== undefined)) {
    forEachSlice(image, region, (data, inside) => {
      for (const [channel, search] of searches.entries()) search?.add(data, channel, image.channels, inside);
    });
  }
  return counts.map((count, channel) => {
    if (count.total === 0) return [];
    if (count.hasNonFinite()) return percents.map(() => NaN);
    const values = searches[channel]?.values() ?? integersAt(count.integers!, wanted[channel]!);
    const at = new Map(wanted[channel]!.map((rank, i) => [rank, values[i]!]));
    return ranks[channel]!.map((rank) => {
      const low = at.get(Math.floor(rank))!;
      const high = at.get(Math.ceil(rank))!;
      return low === high ? low : low + (high - low) * (rank - Math.floor(rank));
    });
  });
}

function forEachSlice(image: ImageStack, region: LabelStack | undefined, visit: (data: Float32Array, inside: Uint8Array | undefined) => void): void {
  for (let index = 0; index < image.depth; index++) {
    const data = image.slice(index);
    visit(data, region?.slice(index));
  }
}

const lowestInteger = -32768;
const integerCount = 65536 - lowestInteger;

/** Counts a channel's values by integer while they are such, then by the upper half of their keys. */
class ValueCounts {
  total = 0;
  integers: Uint32Array | undefined = new Uint32Array(integerCount);
  upper: Uint32Array | undefined;

  add(data: Float32Array, channel: number, channels: number, inside: Uint8Array | undefined): void {
    const done = this.integers === undefined ? channel : this.addIntegers(this.integers, data, channel, channels, inside);
    if (done >= data.length) return;
    const upper = (this.upper ??= this.fromIntegers());
    const bits = bitsOf(data);
    for (let i = done, pixel = (done - channel) / channels; i < data.length; i += channels, pixel++) {
      if (inside !== undefined && inside[pixel] === 0) continue;
      const bin = orderedKey(bits[i]!) >>> 16;
      upper[bin] = upper[bin]! + 1;
      this.total++;
    }
  }

  /** Whether any value is infinite or not a number: their keys are the lowest and the highest. */
  hasNonFinite(): boolean {
    const { upper } = this;
    return upper !== undefined && (upper.subarray(0, 0x80).some(Boolean) || upper.subarray(0xff80).some(Boolean));
  }

  /** @returns the position of the first value that is no integer of the range, or past the end */
  private addIntegers(counts: Uint32Array, data: Float32Array, channel: number, channels: number, inside: Uint8Array | undefined): number {
    let i = channel;
    for (let pixel = 0; i < data.length; i += channels, pixel++) {
      if (inside !== undefined && inside[pixel] === 0) continue;
      const bin = data[i]! - lowestInteger;
      const count = counts[bin];
      if (count === undefined) break; // not an index: a fraction, out of range, or not a number
      counts[bin] = count + 1;
      this.total++;
    }
    return i;
  }

  private fromIntegers(): Uint32Array {
    const upper = new Uint32Array(65536);
    const value = new Float32Array(1);
    const bits = bitsOf(value);
    for (const [bin, count] of this.integers!.entries()) {
      if (count === 0) continue;
      value[0] = bin + lowestInteger;
      const key = orderedKey(bits[0]!) >>> 16;
      upper[key] = upper[key]! + count;
    }
    this.integers = undefined;
    return upper;
  }
}

/** Finds the values of some ranks among those whose upper bits are counted, by counting lower bits. */
class LowBits {
  private readonly bins: { readonly bin: number; readonly before: number; readonly counts: Uint32Array }[] = [];
  private readonly slots: Int8Array = new Int8Array(65536).fill(-1);

  constructor(
    upper: Uint32Array,
    private readonly ranks: readonly number[],
  ) {
    let before = 0;
    let next = 0;
    for (const [bin, count] of upper.entries()) {
      if (count === 0) continue;
      if (next < ranks.length && ranks[next]! < before + count) {
        this.slots[bin] = this.bins.length;
        this.bins.push({ bin, before, counts: new Uint32Array(65536) });
        while (next < ranks.length && ranks[next]! < before + count) next++;
      }
      before += count;
    }
  }

  add(data: Float32Array, channel: number, channels: number, inside: Uint8Array | undefined): void {
    const bits = bitsOf(data);
    for (let i = channel, pixel = 0; i < data.length; i += channels, pixel++) {
      if (inside !== undefined && inside[pixel] === 0) continue;
      const key = orderedKey(bits[i]!);
      const slot = this.slots[key >>> 16]!;
      if (slot < 0) continue;
      const { counts } = this.bins[slot]!;
      counts[key & 0xffff] = counts[key & 0xffff]! + 1;
    }
  }

  /** The value of each rank. */
  values(): number[] {
    return this.ranks.map((rank) => {
      const { bin, before, counts } = this.bins.findLast((entry) => entry.before <= rank)!;
      return valueOf(((bin << 16) | indexAt(counts, rank - before)) >>> 0);
    });
  }
}

function integersAt(counts: Uint32Array, ranks: readonly number[]): number[] {
  return ranks.map((rank) => indexAt(counts, rank) + lowestInteger);
}

/** The index of the `rank`-th counted thing. */
function indexAt(counts: Uint32Array, rank: number): number {
  let before = 0;
  return counts.findIndex((count) => (before += count) > rank);
}

function bitsOf(data: Float32Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

/** A 32-bit unsigned key that orders the bits of floating-point numbers as the numbers are ordered. */
function orderedKey(bits: number): number {
  return (bits & 0x80000000 ? ~bits : bits ^ 0x80000000) >>> 0;
}

function valueOf(key: number): number {
  return new Float32Array(Uint32Array.of(key & 0x80000000 ? key ^ 0x80000000 : ~key).buffer)[0]!;
}
