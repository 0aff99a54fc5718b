import { BinaryConv2d } from "@hidiff/binary-nn";
import { Generator, tensor4d, tidy } from "@hidiff/core-tensor";
import { box, figure, text } from "./svg.ts";

const patch = [
  [1, -1, -1],
  [1, 1, -1],
  [-1, 1, 1],
];
const weights = [
  [0.4, -0.2, 0.1],
  [0.3, 0.6, -0.5],
  [-0.1, -0.4, 0.2],
];
const cell = 42;

/** A 3×3 binary convolution of one channel, once with numbers and once with bits; the layer of the network agrees with both. */
export function binaryConvolution(): string {
  const activations = patch.flat();
  const signs = weights.flat().map((weight) => (weight > 0 ? 1 : -1));
  const scale = weights.flat().reduce((sum, weight) => sum + Math.abs(weight), 0) / 9;
  const different = activations.map((activation, index) => (activation === signs[index] ? 0 : 1));
  const popcount = different.reduce<number>((sum, bit) => sum + bit, 0);
  const dot = activations.reduce((sum, activation, index) => sum + activation * signs[index]!, 0);
  const layer = layerOutput(activations, weights.flat());
  if (dot !== 9 - 2 * popcount || Math.abs(layer - scale * dot) > 1e-6) throw new Error(`the layer gives ${layer}, signs ${scale * dot}, bits ${scale * (9 - 2 * popcount)}`);

  const signed = (value: number): string => (value > 0 ? "+1" : "−1");
  const bit = (value: number): string => (value > 0 ? "1" : "0");
  const operator = (x: number, y: number, content: string): string => text(x, y, content, "middle bold");
  return figure({ width: 760, height: 412 }, "A binary convolution as numbers and as bits: XNOR and popcount give the same result", [
    text(24, 30, "With numbers: 9 products", "bold"),
    ...grid(24, 46, weights.flat(), (weight) => `${weight < 0 ? "−" : ""}${Math.abs(weight)}`, "W, latent weights"),
    operator(168, 114, "→"),
    ...grid(186, 46, signs, signed, "w = sign(W)"),
    operator(330, 114, "·"),
    ...grid(348, 46, activations, signed, "a, signs of the map"),
    text(500, 92, `scale = mean |W| = ${scale.toFixed(3)}`, "mono"),
    text(500, 116, `Σ w·a = ${dot}`, "mono"),
    text(500, 140, `result = ${scale.toFixed(3)} · ${dot} = ${(scale * dot).toFixed(3)}`, "mono"),
    text(24, 232, "With bits: one XOR, one count (eq. 14)", "bold"),
    ...grid(24, 248, signs, bit, "w, bits"),
    operator(168, 316, "⊕"),
    ...grid(186, 248, activations, bit, "a, bits"),
    operator(330, 316, "="),
    ...grid(348, 248, different, String, "where they differ", true),
    text(500, 294, `popcount = ${popcount}`, "mono"),
    text(500, 318, `9 − 2 · ${popcount} = ${9 - 2 * popcount}`, "mono"),
    text(500, 342, `result = ${scale.toFixed(3)} · ${9 - 2 * popcount} = ${(scale * (9 - 2 * popcount)).toFixed(3)}`, "mono"),
  ]);
}

function grid(x: number, y: number, values: readonly number[], show: (value: number) => string, label: string, marked = false): string[] {
  const cells = values.map((value, index) => {
    const classes = (marked ? value === 1 : value > 0) ? "binary" : "plain";
    return box(x + (index % 3) * cell, y + Math.floor(index / 3) * cell, { width: cell, height: cell }, [show(value)], classes);
  });
  return [...cells, text(x + 1.5 * cell, y + 3 * cell + 18, label, "middle small muted")];
}

/** What the network's own layer computes for the middle of the patch. */
function layerOutput(activations: readonly number[], latent: readonly number[]): number {
  const layer = new BinaryConv2d({ inChannels: 1, outChannels: 1, precision: "binary" }, new Generator(1));
  const state = new Map(layer.stateDict());
  state.set("weight", { shape: [3, 3, 1, 1], data: Float32Array.from(latent) });
  layer.loadStateDict(state);
  const [result] = tidy(() => layer.forward(tensor4d(Float32Array.from(activations), [1, 3, 3, 1])).dataSync().slice(4, 5));
  layer.dispose();
  return result!;
}
