import { decodeLatin1 } from "../../arrays/latin1.ts";
/** A pickle goes on behind the bytes that are there. */
export class PickleEnd extends Error {}

/** Reads the numbers and texts of a pickle one after the other. Lengths are compared with what is there before they are used. */
export class PickleBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The next `length` bytes, not copied. @throws PickleEnd */
  take(length: number): Uint8Array {
    return this.#bytes.subarray(this.#advance(length), this.position);
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** Unlike the others, floats are big-endian. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** A text up to the end of its line, which is skipped. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.position);
    if (end < 0) throw new PickleEnd();
    const line = this.take(end - this.position);
    this.position++;
    return decodeLatin1(line);
  }

  #advance(length: number): number {
    const start = this.position;
    if (length > this.#bytes.length - start) throw new PickleEnd();
    this.position = start + length;
    return start;
  }
}
