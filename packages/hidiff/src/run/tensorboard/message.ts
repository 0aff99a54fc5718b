/** A field of a Protocol Buffers message, encoded. */
type Field = Uint8Array;

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A message of fields, in the order of their numbers, so that equal messages have equal bytes. */
export function message(...fields: readonly Field[]): Uint8Array {
  const result = new Uint8Array(fields.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const field of fields) {
    result.set(field, at);
    at += field.length;
  }
  return result;
}

/** A whole number ≥ 0. Zero, which readers assume, takes no bytes. */
export function integerField(number: number, value: number): Field {
  return value === 0 ? new Uint8Array() : Uint8Array.from([...varint(number * 8 + wire.varint), ...varint(value)]);
}

export function doubleField(number: number, value: number): Field {
  const field = Uint8Array.from([...varint(number * 8 + wire.fixed64), ...new Array<number>(8).fill(0)]);
  new DataView(field.buffer).setFloat64(field.length - 8, value, true);
  return field;
}

export function floatField(number: number, value: number): Field {
  const field = Uint8Array.from([...varint(number * 8 + wire.fixed32), ...new Array<number>(4).fill(0)]);
  new DataView(field.buffer).setFloat32(field.length - 4, value, true);
  return field;
}

export function bytesField(number: number, value: Uint8Array | string): Field {
  const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return message(Uint8Array.from([...varint(number * 8 + wire.bytes), ...varint(content.length)]), content);
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}
