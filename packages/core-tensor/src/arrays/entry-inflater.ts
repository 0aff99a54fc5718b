import { Inflate } from "fflate";
import { HidiffError } from "../errors.ts";
import type { Fail } from "./fail.ts";
import type { ZipEntry } from "./zip-entries.ts";

/** No stream of deflate unpacks to more than 1032 times its length (RFC 1951: 258 bytes for 2 bits). */
const largestRatio = 1032;

/** Unpacks a deflated file of a zip archive piece by piece; one that unpacks to more than the directory tells is stopped there. */
export class EntryInflater {
  readonly #entry: ZipEntry;
  readonly #fail: Fail;
  readonly #content: Uint8Array<ArrayBuffer>;
  readonly #inflate: Inflate;
  #pushed = 0;
  #length = 0;

  /**
   * @param fail throws an error that says what is wrong
   * @param limit how many bytes of the content are wanted, if not all
   */
  constructor(entry: ZipEntry, fail: Fail, limit: number = entry.size) {
    const { path, method, size, storedSize } = entry;
    if (method !== 8) fail(`"${path}" is packed by method ${method}; only stored and deflated files are supported`);
    if (size > storedSize * largestRatio) fail(`"${path}" claims to unpack ${storedSize} bytes to ${size}, which is impossible`);
    this.#entry = entry;
    this.#fail = fail;
    this.#content = new Uint8Array(Math.min(size, limit));
    this.#inflate = new Inflate((part) => {
      if (this.#length + part.length > size) fail(`"${path}" unpacks to more than the ${size} bytes that its directory tells`);
      const wanted = part.subarray(0, Math.max(0, this.#content.length - this.#length));
      if (wanted.length > 0) this.#content.set(wanted, this.#length);
      this.#length += part.length;
    });
  }

  /** Whether only a part of the content is wanted, and that has come. */
  get wantsNoMore(): boolean {
    return this.#content.length < this.#entry.size && this.#length >= this.#content.length;
  }

  /** Takes the next piece of the stored bytes. */
  push(stored: Uint8Array): void {
    this.#pushed += stored.length;
    try {
      this.#inflate.push(stored, this.#pushed >= this.#entry.storedSize);
    } catch (error) {
      if (error instanceof HidiffError) throw error;
      this.#fail(`"${this.#entry.path}" cannot be unpacked (${error instanceof Error ? error.message : String(error)})`);
    }
  }

  /** The content; an error if less came than the directory tells, or than is wanted. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.wantsNoMore || this.#length === this.#entry.size) return this.#content;
    return this.#fail(`"${this.#entry.path}" unpacks to ${this.#length} bytes, its directory tells ${this.#entry.size}`);
  }
}
