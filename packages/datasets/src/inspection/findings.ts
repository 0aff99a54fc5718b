import type { SplitName } from "../types.ts";
import type { CaseFacts } from "./case-facts.ts";

/** Something that whoever trains on a data set should know. */
export interface Finding {
  /** An `error` makes scores wrong or training impossible; a `warning` may be meant. */
  readonly severity: "error" | "warning";
  readonly kind: "unreadable" | "leak" | "duplicate" | "empty-mask" | "full-mask" | "absent-class" | "constant-image" | "empty-split" | "note";
  /** One sentence that says what was found and what to do. */
  readonly message: string;
  /** The cases that it concerns. */
  readonly cases: readonly string[];
}

/** What the findings are drawn from. */
interface Observations {
  readonly facts: readonly CaseFacts[];
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  readonly splits: Readonly<Record<SplitName, readonly string[]>>;
  /** One name a class, the background first. */
  readonly classNames: readonly string[];
  /** What the loader has to say. */
  readonly notes: readonly string[];
}

/** All findings, errors first. */
export function findProblems(observations: Observations): Finding[] {
  const findings = [
    ...unreadableCases(observations),
    ...sharedIds(observations),
    ...sharedGroups(observations),
    ...equalImages(observations),
    ...masksOfOneKind(observations),
    ...absentClasses(observations),
    ...constantImages(observations),
    ...emptySplits(observations),
    ...observations.notes.map((message): Finding => ({ severity: "warning", kind: "note", message, cases: [] })),
  ];
  return [...findings.filter(({ severity }) => severity === "error"), ...findings.filter(({ severity }) => severity === "warning")];
}

function unreadableCases({ unreadable }: Observations): Finding[] {
  return unreadable.map(({ id, reason }) => ({ severity: "error", kind: "unreadable", message: reason, cases: [id] }));
}

function sharedIds({ splits }: Observations): Finding[] {
  const places = new Map<string, SplitName[]>();
  for (const [split, ids] of Object.entries(splits) as [SplitName, readonly string[]][]) {
    for (const id of ids) places.set(id, [...(places.get(id) ?? []), split]);
  }
  return [...places]
    .filter(([, where]) => where.length > 1)
    .map(([id, where]) => ({
      severity: "error",
      kind: "leak",
      message: `"${id}" is listed ${where.length} times (${where.join(", ")}); keep it in one split only.`,
      cases: [id],
    }));
}

function sharedGroups({ facts }: Observations): Finding[] {
  return groupBy(facts.filter(({ group }) => group !== undefined), ({ group }) => group!)
    .filter((members) => new Set(members.map(({ split }) => split)).size > 1)
    .map((members) => ({
      severity: "error",
      kind: "leak",
      message:
        `The patient or sequence "${members[0]!.group}" is in several splits (${splitCounts(members)}): ` +
        "scores on one will tell of what was learnt from the other. Split by group.",
      cases: members.map(({ id }) => id),
    }));
}

function equalImages({ facts }: Observations): Finding[] {
  return groupBy(facts, ({ imageHash }) => imageHash)
    .filter((members) => members.length > 1)
    .map((members) => {
      const leak = new Set(members.map(({ split }) => split)).size > 1;
      const conflict = new Set(members.map(({ maskHash }) => maskHash)).size > 1 ? " Their masks differ." : "";
      const names = members.map(({ id }) => id).join(", ");
      return {
        severity: leak ? "error" : "warning",
        kind: leak ? "leak" : "duplicate",
        message: leak
          ? `The same image is in several splits (${splitCounts(members)}): ${names}.${conflict} Keep one of them.`
          : `The same image is there ${members.length} times: ${names}.${conflict} Keep one of them, unless it shall count more than others.`,
        cases: members.map(({ id }) => id),
      };
    });
}

function masksOfOneKind({ facts }: Observations): Finding[] {
  const empty = facts.filter(({ classPixels }) => classPixels.slice(1).every((count) => count === 0));
  const full = facts.filter(({ classPixels }) => classPixels[0] === 0);
  return [
    ...about(empty, "warning", "empty-mask", (count) => `${count} without any foreground; overlap scores of such cases are 0 or 1, and they have no distances.`),
    ...about(full, "warning", "full-mask", (count) => `${count} without any background; look whether the mask's values mean what the data set says.`),
  ];
}

function absentClasses({ facts, classNames }: Observations): Finding[] {
  return (["train", "validation", "test"] as const).flatMap((split) => {
    const members = facts.filter((fact) => fact.split === split);
    if (members.length === 0) return [];
    const absent = classNames.filter((_, label) => label > 0 && members.every(({ classPixels }) => (classPixels[label] ?? 0) === 0));
    if (absent.length === 0) return [];
    return [
      {
        severity: split === "train" ? "error" : "warning",
        kind: "absent-class",
        message: `No case of the split "${split}" has ${absent.map((name) => `"${name}"`).join(", ")}; look at the class numbers, or split anew.`,
        cases: [],
      } as const,
    ];
  });
}

function constantImages({ facts }: Observations): Finding[] {
  const constant = facts.filter(({ intensities }) => intensities.some(({ minimum, maximum }) => minimum === maximum));
  return about(constant, "warning", "constant-image", (count) => `${count} with a channel of one value only; look at the images.`);
}

function emptySplits({ splits }: Observations): Finding[] {
  return (Object.entries(splits) as [SplitName, readonly string[]][])
    .filter(([, ids]) => ids.length === 0)
    .map(([split]) => ({
      severity: "warning",
      kind: "empty-split",
      message: `The split "${split}" has no case${split === "validation" ? ": settings cannot be chosen without looking at the test" : ""}.`,
      cases: [],
    }));
}

function about(members: readonly CaseFacts[], severity: Finding["severity"], kind: Finding["kind"], message: (count: string) => string): Finding[] {
  if (members.length === 0) return [];
  return [{ severity, kind, message: message(members.length === 1 ? "1 case is" : `${members.length} cases are`), cases: members.map(({ id }) => id) }];
}

function groupBy(facts: readonly CaseFacts[], key: (fact: CaseFacts) => string): CaseFacts[][] {
  const groups = new Map<string, CaseFacts[]>();
  for (const fact of facts) groups.set(key(fact), [...(groups.get(key(fact)) ?? []), fact]);
  return [...groups.values()];
}

/** "train 3, test 1". */
function splitCounts(members: readonly CaseFacts[]): string {
  const counts = new Map<SplitName, number>();
  for (const { split } of members) counts.set(split, (counts.get(split) ?? 0) + 1);
  return [...counts].map(([split, count]) => `${split} ${count}`).join(", ");
}
