import type { SuggestedConfiguration } from "hidiff/node";

/** What was chosen for a folder. */
export function describeSuggestion(folder: string, { preset, configuration, splits, volumes }: SuggestedConfiguration): string[] {
  const { dataset, training } = configuration;
  const { train, validation, test } = splits;
  const what = dataset.name === "folder" ? (volumes ? "volumes and masks" : "images and masks") : `the data set "${dataset.name}"`;
  return [
    `${folder} holds ${what}: ${train} cases to train on, ${validation} to validate, ${test} to test.`,
    `Configuration: the small preset ${preset} (crops of ${training?.cropSize}×${training?.cropSize} pixels).`,
  ];
}
