import { arrow, box, figure, line, text } from "./svg.ts";

const stages = [
  { stride: 1, channels: "c", feature: false },
  { stride: 2, channels: "c", feature: false },
  { stride: 4, channels: "2c", feature: true },
  { stride: 8, channels: "2c", feature: true },
  { stride: 16, channels: "4c", feature: true },
];
const row = { top: 196, height: 62, gap: 14 };
const [segmentorX, downX, upX, boxWidth] = [40, 330, 610, 190];

/** The two networks: which maps of the segmentor enter which stage of the refiner. */
export function architecture(): string {
  const y = (index: number): number => row.top + index * (row.height + row.gap);
  const size = { width: boxWidth, height: row.height };
  const parts: string[] = [
    text(segmentorX + boxWidth / 2, 34, "segmentor f", "middle bold"),
    text((downX + upX + boxWidth) / 2, 34, "refiner g: binary Bernoulli diffusion model", "middle bold"),
    line(280, 20, 280, 646, "grid"),
    box(segmentorX, 56, { width: boxWidth, height: 44 }, ["image x"], "plain"),
    arrow([[segmentorX + boxWidth / 2, 100], [segmentorX + boxWidth / 2, 128]]),
    box(segmentorX, 130, { width: boxWidth, height: 44 }, ["any network", "U-Net, TransUNet, ONNX, …"], "float"),
    box(downX, 56, { width: boxWidth, height: 44 }, ["x, yₜ, prior f(x)", "concatenated"], "plain"),
    arrow([[downX + boxWidth / 2, 100], [downX + boxWidth / 2, 128]]),
    box(downX, 130, { width: boxWidth, height: 44 }, ["3×3 convolution", "c channels"], "float"),
    box(upX, 130, { width: boxWidth, height: 44 }, ["3×3 convolution", "norm before, sigmoid after"], "float"),
    arrow([[upX + boxWidth / 2, 130], [upX + boxWidth / 2, 102]]),
    box(upX, 56, { width: boxWidth, height: 44 }, ["ε̂: where yₜ is wrong"], "good"),
    arrow([[segmentorX + boxWidth, 152], [302, 152], [302, 78], [downX - 2, 78]], "dashed"),
    text(243, 144, "prior", "small muted"),
  ];
  for (const [index, { stride, channels, feature }] of stages.entries()) {
    const last = index === stages.length - 1;
    parts.push(box(downX, y(index), size, [`down ${index + 1}: stride ${stride}`, feature ? "BasicBlock, Concat, Down" : "BasicBlock, Down", `${channels} channels`], "binary"));
    parts.push(box(upX, y(index), size, [`up ${5 - index}: stride ${stride}`, "Up, BasicBlock", index < 2 ? "c channels" : index < 4 ? "2c channels" : "4c channels"], "binary"));
    parts.push(arrow([[downX + boxWidth / 2, y(index) - (index === 0 ? 22 : row.gap)], [downX + boxWidth / 2, y(index) - 2]]));
    parts.push(arrow([[upX + boxWidth / 2, y(index)], [upX + boxWidth / 2, y(index) - (index === 0 ? 20 : row.gap - 2)]]));
    parts.push(arrow([[downX + boxWidth, y(index) + row.height / 2], [upX - 2, y(index) + row.height / 2]]));
    if (index === 0) parts.push(text((downX + boxWidth + upX) / 2, y(index) + row.height / 2 - 7, "skip", "middle small muted"));
    if (feature) {
      parts.push(box(segmentorX, y(index), size, [`features at stride ${stride}`, "of the segmentor"], "float"));
      parts.push(arrow([[segmentorX + boxWidth, y(index) + row.height / 2], [downX - 2, y(index) + row.height / 2]], "dashed"));
    }
    if (last) {
      const middle = y(index + 1);
      const width = upX + boxWidth - downX;
      parts.push(box(segmentorX, middle, size, ["features at stride 32", "of the segmentor"], "float"));
      parts.push(arrow([[segmentorX + boxWidth, middle + row.height / 2], [downX - 2, middle + row.height / 2]], "dashed"));
      parts.push(box(downX, middle, { width, height: row.height }, ["middle: stride 32", "BasicBlock, cross-transformer with the features, BasicBlock", "4c channels"], "binary"));
      parts.push(arrow([[downX + boxWidth / 2, y(index) + row.height], [downX + boxWidth / 2, middle - 2]]));
      parts.push(arrow([[upX + boxWidth / 2, middle], [upX + boxWidth / 2, y(index) + row.height + 2]]));
    }
  }
  const legend = 686;
  parts.push(`<rect x="40" y="${legend - 12}" width="16" height="16" rx="3" class="float"/>`, text(64, legend + 1, "real-valued"));
  parts.push(`<rect x="160" y="${legend - 12}" width="16" height="16" rx="3" class="binary"/>`, text(184, legend + 1, "binary: weights and activations are ±1; every block knows the step t"));
  return figure({ width: 840, height: 706 }, "HiDiff's networks: a segmentor gives the prior and four feature maps to a binary U-Net that estimates the noise", parts);
}
