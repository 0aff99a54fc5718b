import { bytesField, doubleField, floatField, integerField, message } from "./message.ts";

/** A picture for TensorBoard. */
interface EventImage {
  readonly height: number;
  readonly width: number;
  /** The bytes of the file, with three channels. */
  readonly png: Uint8Array;
}

// The numbers of the fields are those of TensorFlow's event.proto and summary.proto.

/** The first event of a file. */
export function versionEvent(time: number): Uint8Array {
  return message(doubleField(1, time), bytesField(3, "brain.Event:2"));
}

/** Says that the process started anew: readers forget what earlier files hold of `step` and later ones. */
export function startEvent(time: number, step: number): Uint8Array {
  const start = 1;
  return message(doubleField(1, time), integerField(2, step), bytesField(7, integerField(1, start)));
}

/**
 * Numbers and pictures of one step, by their tags.
 *
 * @param time in seconds since 1970
 */
export function summaryEvent(
  time: number,
  step: number,
  { scalars = {}, images = {} }: { readonly scalars?: Readonly<Record<string, number>>; readonly images?: Readonly<Record<string, EventImage>> },
): Uint8Array {
  const values = [
    ...Object.entries(scalars).map(([tag, value]) => message(bytesField(1, tag), floatField(2, value))),
    ...Object.entries(images).map(([tag, image]) => message(bytesField(1, tag), bytesField(4, encodeImage(image)))),
  ];
  return message(doubleField(1, time), integerField(2, step), bytesField(5, message(...values.map((value) => bytesField(1, value)))));
}

function encodeImage({ height, width, png }: EventImage): Uint8Array {
  const colours = 3;
  return message(integerField(1, height), integerField(2, width), integerField(3, colours), bytesField(4, png));
}
