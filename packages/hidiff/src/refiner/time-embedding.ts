import { type Generator, Linear, Module, silu, tensor2d, type Tensor } from "@hidiff/core-tensor";

/**
 * The embedding of the step index: a sinusoid of `width` dimensions, cosines first, with frequencies
 * `exp(−ln(10000)·k/(width/2))`, then Linear, SiLU, Linear to `4·width` (HiDiff §III-C).
 */
export class TimeEmbedding extends Module {
  readonly inner: Linear;
  readonly outer: Linear;
  readonly #width: number;

  constructor(width: number, generator: Generator) {
    super();
    this.inner = this.addChild("inner", new Linear({ inFeatures: width, outFeatures: 4 * width }, generator));
    this.outer = this.addChild("outer", new Linear({ inFeatures: 4 * width, outFeatures: 4 * width }, generator));
    this.#width = width;
  }

  /** @param t one step index per item → `[batch, 4·width]` */
  forward(t: readonly number[]): Tensor {
    const half = this.#width / 2;
    const values = new Float32Array(t.length * this.#width);
    t.forEach((step, item) => {
      for (let k = 0; k < half; k++) {
        const angle = step * Math.exp((-Math.log(10000) * k) / half);
        values[item * this.#width + k] = Math.cos(angle);
        values[item * this.#width + half + k] = Math.sin(angle);
      }
    });
    return this.outer.forward(silu(this.inner.forward(tensor2d(values, [t.length, this.#width]))));
  }
}
