export { type ScheduleName, createSchedule, cumulativeAlphas, scheduleNames } from "./schedules.ts";
export type {
  DiffusionProcess,
  LossInputs,
  LossTerms,
  PredictionTarget,
  ReverseState,
  ReverseStep,
} from "./diffusion-process.ts";
export { BernoulliProcess, type BernoulliProcessOptions, type ScheduleOptions, createBernoulliProcess } from "./bernoulli-process.ts";
export { GaussianProcess, createGaussianProcess } from "./gaussian-process.ts";
export { bernoulliKl, bernoulliNegativeLogLikelihood, focalLoss } from "./losses.ts";
export { type BernoulliLossTerms, diffusionLoss } from "./diffusion-loss.ts";
export { type StepSpacing, respace, spaceSteps } from "./respacing.ts";
export { type SamplerOptions, type SamplerStep, sampleAncestral, sampleDdim } from "./samplers.ts";
