import { Generator } from "@hidiff/core-tensor/random";
import { cvcClinicDbSequence, cvcClinicDbSequenceEnds } from "../../splits/lists/cvc-clinicdb.ts";
import { type DrawnPhotograph, type EndoscopyScene, filmColon } from "../endoscopy.ts";
import { type LayoutOptions, type PlannedFile, rememberLast } from "./planned-file.ts";
import { maskPicture, writeTiff } from "./raster-files.ts";

/** CVC-ClinicDB's width and height; `size` is the width. */
function cvcSize(size: number): readonly [width: number, height: number] {
  return [size, Math.round(size * 0.75)];
}

/**
 * The numbers of `count` frames: the first frames of as many of the original's sequences as give each three, and of all
 * 29 sequences when there are more.
 */
export function cvcFrames(count: number): number[] {
  const sequences = Math.min(cvcClinicDbSequenceEnds.length, Math.ceil(count / 3));
  const frames: number[] = [];
  for (let position = 0; frames.length < count; position++) {
    for (let sequence = 0; sequence < sequences && frames.length < count; sequence++) {
      const frame = (sequence === 0 ? 0 : cvcClinicDbSequenceEnds[sequence - 1]!) + 1 + position;
      if (frame <= cvcClinicDbSequenceEnds[sequence]!) frames.push(frame);
    }
  }
  return frames.sort((a, b) => a - b);
}

/** Draws frames; those of one sequence show the same place while the camera moves. */
export function cvcCamera(seed: number | string, size: number): (frame: number) => DrawnPhotograph {
  const [width, height] = cvcSize(size);
  const scene = rememberLast((sequence): EndoscopyScene => filmColon(new Generator(seed).split("cvc-clinicdb").split(sequence)));
  return (frame) => {
    const sequence = cvcClinicDbSequence(frame)!;
    const first = sequence === 1 ? 1 : cvcClinicDbSequenceEnds[sequence - 2]! + 1;
    return scene(String(sequence)).frame(frame - first, width, height);
  };
}

/** CVC-ClinicDB: `Original/1.tif` and `Ground Truth/1.tif`, numbered as in the original. */
export function planCvcClinicDb({ seed, size, train, validation, test }: LayoutOptions): PlannedFile[] {
  const camera = cvcCamera(seed, size);
  const draw = rememberLast((frame) => camera(Number(frame)));
  return cvcFrames(train + validation + test)
    .map(String)
    .flatMap((frame) => [
      { path: `Original/${frame}.tif`, write: (path: string) => writeTiff(path, { ...draw(frame), channels: 3, data: draw(frame).image }) },
      { path: `Ground Truth/${frame}.tif`, write: (path: string) => writeTiff(path, maskPicture(draw(frame).mask, draw(frame).width, draw(frame).height)) },
    ]);
}
