import type { Constants } from "./constants.ts";
import { BufferPool } from "./buffer-pool.ts";

/** A map in memory: its numbers, and its signs by the threshold of whoever reads it next. */
export interface SignedMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly floats: number;
  /** 0 if it has no signs. */
  readonly bits: number;
}

/** Where signs are written, and by which threshold (an address). */
export interface Signs {
  readonly threshold: number;
  readonly bits: number;
}

export const noSigns: Signs = { threshold: 0, bits: 0 };

/** A decision of the network: signs of a map, or of two whose channels follow each other, doubled if `upsampled`. */
interface SignTap {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly upsampled: boolean;
  readonly parts: readonly { readonly bits: number; readonly channels: number }[];
}

/** A float map that tests look at. */
interface FloatTap {
  readonly floats: number;
  readonly length: number;
}

interface PlanMemoryOptions {
  /** Reserves memory for good and returns its address. */
  readonly allocate: (bytes: number) => number;
  readonly constants: Constants;
  /** Whether every buffer keeps its content, for tests. */
  readonly keepsAll: boolean;
}

/** The memory of a plan: constants, and buffers that maps share one after the other. */
export class PlanMemory {
  readonly constants: Constants;
  readonly signTaps: SignTap[] = [];
  readonly floatTaps: Map<string, FloatTap> = new Map<string, FloatTap>();
  readonly allocate: (bytes: number) => number;
  readonly #pool: BufferPool | undefined;

  constructor({ allocate, constants, keepsAll }: PlanMemoryOptions) {
    this.allocate = allocate;
    this.constants = constants;
    this.#pool = keepsAll ? undefined : new BufferPool(allocate);
  }

  /** A buffer, until it is released. */
  acquire(bytes: number): number {
    return this.#pool?.acquire(bytes) ?? this.allocate(bytes);
  }

  release(...addresses: readonly number[]): void {
    this.#pool?.release(...addresses);
  }

  newMap(height: number, width: number, channels: number, signed: boolean = true): SignedMap {
    const size = height * width * channels;
    return { height, width, channels, floats: this.acquire(4 * size), bits: signed ? this.acquire(size / 4) : 0 };
  }

  releaseMaps(...maps: readonly SignedMap[]): void {
    for (const { floats, bits } of maps) {
      this.release(floats);
      if (bits !== 0) this.release(bits);
    }
  }

  /** The address of a layer's thresholds at a step, from channel `part` on. */
  threshold(name: string, step: number, channels: number, part: number = 0): number {
    return this.constants.row(`${name}.threshold`, step, channels, part);
  }

  signTap(name: string, { height, width }: Pick<SignedMap, "height" | "width">, upsampled: boolean, parts: SignTap["parts"]): void {
    if (this.signTaps.some((tap) => tap.name === name)) return;
    this.signTaps.push({ name, height, width, upsampled, parts: parts.map(({ bits, channels }) => ({ bits, channels })) });
  }

  floatTap(name: string, { floats, height, width, channels }: SignedMap): void {
    this.floatTaps.set(name, { floats, length: height * width * channels });
  }
}
