/** One field of a Protocol Buffers message: an integer, or the bytes of a text, a message or packed numbers. */
interface WireField {
  readonly number: number;
  readonly integer: number;
  readonly bytes: Uint8Array;
}

const none = new Uint8Array();

/**
 * The fields of a message, in their order (https://protobuf.dev/programming-guides/encoding).
 *
 * @throws RangeError if the bytes are no message
 */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || factor > 2 ** 63) throw new RangeError("cut short");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError("cut short");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    if (type === 0) yield { number, integer: varint(), bytes: none };
    else if (type === 1) yield { number, integer: 0, bytes: take(8) };
    else if (type === 2) yield { number, integer: 0, bytes: take(varint()) };
    else if (type === 5) yield { number, integer: 0, bytes: take(4) };
    else throw new RangeError(`no wire type ${type}`);
  }
}
