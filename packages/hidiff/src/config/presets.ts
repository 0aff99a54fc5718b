import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { brats2021 } from "./presets/brats2021.ts";
import { chaseDb1 } from "./presets/chase-db1.ts";
import { cvcClinicDb } from "./presets/cvc-clinicdb.ts";
import { demo } from "./presets/demo.ts";
import { drive } from "./presets/drive.ts";
import { driveSmall } from "./presets/drive-small.ts";
import { folderImages } from "./presets/folder-images.ts";
import { folderSmall } from "./presets/folder-small.ts";
import { folderVolumes } from "./presets/folder-volumes.ts";
import { folderVolumesSmall } from "./presets/folder-volumes-small.ts";
import { hippocampusSmall } from "./presets/hippocampus-small.ts";
import { kvasirSeg } from "./presets/kvasir-seg.ts";
import { kvasirSmall } from "./presets/kvasir-small.ts";
import { msd } from "./presets/msd.ts";
import { msdHippocampus } from "./presets/msd-hippocampus.ts";
import type { Preset } from "./presets/preset.ts";
import { synapse } from "./presets/synapse.ts";
import type { ConfigurationInput } from "./schema.ts";

/** The small ones first. */
const presets: Readonly<Record<string, Preset>> = {
  demo,
  "folder-small": folderSmall,
  "folder-volumes-small": folderVolumesSmall,
  "drive-small": driveSmall,
  "kvasir-small": kvasirSmall,
  "hippocampus-small": hippocampusSmall,
  drive,
  "chase-db1": chaseDb1,
  "kvasir-seg": kvasirSeg,
  "cvc-clinicdb": cvcClinicDb,
  synapse,
  brats2021,
  msd,
  "msd-hippocampus": msdHippocampus,
  "folder-images": folderImages,
  "folder-volumes": folderVolumes,
};

/** The names that {@link preset} knows. */
export const presetNames: readonly string[] = Object.keys(presets);

/** A copy of the named configuration. Throws HidiffError `config.preset` for an unknown name. */
export function preset(name: string): ConfigurationInput {
  return structuredClone(find(name).configuration);
}

/** What the named configuration is for, and how long it trains. Throws HidiffError `config.preset` for an unknown name. */
export function presetSummary(name: string): Pick<Preset, "summary" | "time"> {
  const { summary, time } = find(name);
  return { summary, time };
}

function find(name: string): Preset {
  const found = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (found === undefined) {
    throw new HidiffError("config.preset", `There is no preset "${name}".${didYouMean(name, presetNames)} Known: ${presetNames.join(", ")}.`);
  }
  return found;
}
