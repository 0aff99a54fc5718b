import { backgroundProbabilities, type ImageStack } from "@hidiff/datasets";

/**
 * Probabilities of a data set's classes as those of a model's: each channel is added to that of the model's class; what is
 * none of them counts as background.
 *
 * @param prior with a channel a class of the data set
 * @param labels the model's label for each of the data set's; 0 is the background
 * @param modelClasses 1 for a binary task, else the number of classes with the background
 */
export function mapPrior(prior: ImageStack, labels: ReadonlyMap<number, number>, modelClasses: number): ImageStack {
  const { depth, height, width, channels, spacing } = prior;
  const targets = Array.from({ length: Math.max(channels, 2) }, (_, label) => labels.get(label) ?? 0);
  if (channels === modelClasses && targets.every((target, label) => target === label)) return prior;
  return {
    depth,
    height,
    width,
    channels: modelClasses,
    spacing,
    outside: backgroundProbabilities(modelClasses),
    slice: (index) => {
      const theirs = prior.slice(index);
      const own = new Float32Array(height * width * modelClasses);
      for (let pixel = 0; pixel < height * width; pixel++) {
        for (const [label, target] of targets.entries()) {
          const probability = channels > 1 ? theirs[pixel * channels + label]! : label === 1 ? theirs[pixel]! : 1 - theirs[pixel]!;
          // One class has no channel for the background, which is label 0.
          const channel = modelClasses === 1 ? target - 1 : target;
          if (channel >= 0) own[pixel * modelClasses + channel] = own[pixel * modelClasses + channel]! + probability;
        }
      }
      return own;
    },
  };
}
