import { basename, dirname, resolve } from "node:path";
import type { BundleManifest } from "hidiff";
import type { FoundPath } from "./inputs.ts";

/** What is segmented as one: an image, a volume, or the channels of one. */
export interface PredictionCase {
  /** One file with all channels (or the folder of a DICOM series), or one file a channel, in the model's order. */
  readonly paths: readonly string[];
  /** That of the file without extension, or what the names of its channels have in common; with a number where several share it. */
  readonly name: string;
  /** What is wrong with its files. */
  readonly problem?: string;
}

/** What a model says of an image's channels. */
export type ModelChannels = Pick<BundleManifest, "channelNames"> & { readonly count: number };

/**
 * Puts the files of one image together. For a model of several channels that have names, or of several channels and
 * volumes, `CASE_t1.nii.gz`, `CASE_t1ce.nii.gz`, … or `CASE_0000.nii.gz`, `CASE_0001.nii.gz`, … are one case. A file that
 * is named otherwise is one by itself, with all channels. What lies in the same folder as the channels of a case, has its
 * name and is no channel (such as `CASE_seg.nii.gz`) is left out, unless it was named.
 */
export function groupCases(found: readonly FoundPath[], channels: ModelChannels, volumes: ReadonlySet<string>): PredictionCase[] {
  const groups = new Map<string, { name: string; paths: Map<number, string>; twice: string[] }>();
  const keys = found.map(({ path }): string => {
    const match = channels.count === 1 || (channels.channelNames === undefined && !volumes.has(path)) ? undefined : channelOf(path, channels);
    if (match === undefined) return path;
    const key = `${dirname(path)}\n${match.name}`;
    const group = groups.get(key) ?? { name: match.name, paths: new Map<number, string>(), twice: [] };
    groups.set(key, group);
    if (group.paths.has(match.channel)) group.twice.push(path);
    else group.paths.set(match.channel, path);
    return key;
  });
  const cases: Omit<PredictionCase, "name">[] = [];
  const names: string[] = [];
  for (const [index, key] of keys.entries()) {
    const { path, listed } = found[index]!;
    const group = groups.get(key);
    if (group === undefined) {
      if (listed && [...groups].some(([other, { name }]) => other.startsWith(`${dirname(path)}\n`) && stem(path).startsWith(`${name}_`))) continue;
      cases.push({ paths: [path] });
      names.push(stem(path));
    } else if (keys.indexOf(key) === index) {
      const problem = problemOf(group, channels);
      const paths = [...group.paths].sort(([a], [b]) => a - b).map(([, channelPath]) => channelPath);
      cases.push({ paths, ...(problem === undefined ? {} : { problem }) });
      names.push(group.name);
    }
  }
  const unique = uniqueNames(names);
  return cases.map((one, index) => ({ ...one, name: unique[index]! }));
}

function problemOf({ name, paths, twice }: { name: string; paths: ReadonlyMap<number, string>; twice: readonly string[] }, channels: ModelChannels): string | undefined {
  const folder = dirname([...paths.values()][0]!);
  if (twice.length > 0) return `${name} in ${folder} has a channel twice: ${twice.join(", ")}; leave one of the files out.`;
  const missing = Array.from({ length: channels.count }, (_, channel) => channel).filter((channel) => !paths.has(channel));
  if (missing.length === 0) return undefined;
  const expected = missing.map((channel) => suffixesOf(channel, channels).map((suffix) => `${name}_${suffix}`).join(" or "));
  return `${name} in ${folder} has ${paths.size} of ${channels.count} channels: there is no ${expected.join(", no ")} (with the others' extension) among the inputs.`;
}

/** The names that a file of a channel may end in. */
function suffixesOf(channel: number, { channelNames }: ModelChannels): string[] {
  const name = channelNames?.[channel];
  return [...(name === undefined ? [] : [name]), String(channel).padStart(4, "0")];
}

/** The case and the channel that a file's name tells. */
function channelOf(path: string, channels: ModelChannels): { name: string; channel: number } | undefined {
  const text = stem(path);
  for (let channel = 0; channel < channels.count; channel++) {
    for (const suffix of suffixesOf(channel, channels)) {
      const start = text.length - suffix.length - 1;
      if (start > 0 && /[_-]/.test(text[start]!) && text.slice(start + 1).toLowerCase() === suffix.toLowerCase()) return { name: text.slice(0, start), channel };
    }
  }
  return undefined;
}

/** A file's name without its extension; of `.nii.gz` both parts. A folder's name has none. */
function stem(path: string): string {
  return basename(resolve(path)).replace(/(?<=.)(\.nii\.gz|\.[a-z]\w{0,4})$/i, "");
}

/** Gives each a name of its own, also on disks that do not tell capitals from small letters. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const key = (name: string): string => name.normalize("NFC").toLowerCase();
  return names.map((base) => {
    let name = base;
    for (let number = 2; taken.has(key(name)); number++) name = `${base}-${number}`;
    taken.add(key(name));
    return name;
  });
}
