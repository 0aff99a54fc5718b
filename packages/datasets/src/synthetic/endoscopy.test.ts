import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { type DrawnPhotograph, filmColon } from "./endoscopy.ts";

const film = (id: number): ReturnType<typeof filmColon> => filmColon(new Generator("test").split(id));

/** The mean difference of two pictures, in levels of 255. */
function difference(a: DrawnPhotograph, b: DrawnPhotograph): number {
  return a.image.reduce((sum, value, i) => sum + Math.abs(value - b.image[i]!), 0) / a.image.length;
}

function overlap(a: Uint8Array, b: Uint8Array): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i]! & b[i]!;
    either += a[i]! | b[i]!;
  }
  return both / either;
}

/** The best Dice of a threshold on one channel, chosen with the truth at hand. */
function bestThreshold({ image, mask }: DrawnPhotograph, channel: number): number {
  let best = 0;
  for (const sign of [-1, 1]) {
    for (let threshold = 0; threshold < 256; threshold += 4) {
      let [both, sum] = [0, 0];
      for (let pixel = 0; pixel < mask.length; pixel++) {
        const chosen = sign * (image[3 * pixel + channel]! - threshold) > 0 ? 1 : 0;
        both += chosen & mask[pixel]!;
        sum += chosen + mask[pixel]!;
      }
      best = Math.max(best, (2 * both) / sum);
    }
  }
  return best;
}

describe("filmColon", () => {
  it("draws a frame from its generator, number and size alone", () => {
    const scene = film(0);
    const frame = scene.frame(2, 40, 32);
    scene.frame(7, 50, 50);
    expect(scene.frame(2, 40, 32)).toEqual(frame);
    expect(film(0).frame(2, 40, 32)).toEqual(frame);
    expect(film(1).frame(2, 40, 32).mask).not.toEqual(frame.mask);
  });

  it.each([[64, 52], [52, 64], [97, 96]])("shows a polyp of mixed size in a picture of %i×%i with black corners", (width, height) => {
    for (let id = 0; id < 6; id++) {
      const { image, mask } = film(id).frame(0, width, height);
      expect(image).toHaveLength(width * height * 3);
      expect(mask).toHaveLength(width * height);
      expect(new Set(mask)).toEqual(new Set([0, 1]));
      const share = mask.reduce((sum, value) => sum + value, 0) / mask.length;
      expect(share).toBeGreaterThan(0.005);
      expect(share).toBeLessThan(0.6);
      for (const corner of [0, width - 1, mask.length - width, mask.length - 1]) {
        expect(mask[corner]).toBe(0);
        expect(Math.max(...image.subarray(3 * corner, 3 * corner + 3))).toBeLessThan(30);
      }
      // Red prevails in tissue.
      const mean = [0, 1, 2].map((channel) => image.filter((_, i) => i % 3 === channel).reduce((sum, value) => sum + value, 0));
      expect(mean[0]).toBeGreaterThan(mean[1]!);
      expect(mean[1]).toBeGreaterThan(0.8 * mean[2]!);
    }
  });

  it("shows the same scene at every size", () => {
    for (let id = 0; id < 3; id++) {
      const [small, large] = [film(id).frame(0, 48, 40), film(id).frame(0, 96, 80)];
      const shrunk = small.mask.map((_, pixel) => large.mask[2 * Math.floor(pixel / 48) * 96 + 2 * (pixel % 48)]!);
      expect(overlap(small.mask, shrunk)).toBeGreaterThan(0.75);
    }
  });

  it("films: neighbouring frames resemble each other, other scenes do not", () => {
    for (let id = 0; id < 4; id++) {
      const scene = film(id);
      const frames = [0, 1, 8].map((index) => scene.frame(index, 64, 48));
      const near = difference(frames[0]!, frames[1]!);
      expect(near).toBeGreaterThan(0);
      expect(overlap(frames[0]!.mask, frames[1]!.mask)).toBeGreaterThan(0.8);
      expect(near).toBeLessThan(difference(frames[0]!, frames[2]!));
      expect(near).toBeLessThan(0.6 * difference(frames[0]!, film(id + 1).frame(0, 64, 48)));
    }
  });

  it("cannot be solved by brightness or a colour alone", () => {
    for (let channel = 0; channel < 3; channel++) {
      const scores = [0, 1, 2, 3, 4, 5].map((id) => bestThreshold(film(id).frame(0, 96, 80), channel));
      expect(scores.reduce((sum, score) => sum + score, 0) / scores.length).toBeLessThan(0.65);
    }
  });
});
