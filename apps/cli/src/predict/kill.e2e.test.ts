import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator } from "@hidiff/core-tensor/random";
import { readImage, writePng } from "@hidiff/datasets/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hidiff } from "../testing/command.ts";
import { writeTinyBundle } from "../testing/tiny-bundle.ts";

/** HIDIFF_KILLS=50 tries more moments. */
const kills = Number(process.env["HIDIFF_KILLS"] ?? 5);
const images = 12;
const outputs = ["mask", "overlay", "probability"];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-kill-"));
  await mkdir(join(folder, "images"));
  const random = new Generator(3);
  for (let number = 0; number < images; number++) {
    const data = Uint8Array.from({ length: 40 * 36 }, () => Math.floor(256 * random.uniform()));
    await writePng(join(folder, "images", `image ${number}.png`), { height: 40, width: 36, channels: 1, data });
  }
  await writeTinyBundle(join(folder, "bundle"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function command(out: string): string[] {
  return ["predict", join(folder, "images"), "--model", join(folder, "bundle"), "--out", out, "--overlay", "--probability"];
}

/** What is left of a killed run: no file under its own name is incomplete. */
async function checkFiles(out: string): Promise<number> {
  const names = await readdir(out).catch(() => []);
  const whole = names.filter((name) => !name.endsWith(".tmp"));
  for (const name of whole) {
    if (name.endsWith(".png")) expect(await readImage(join(out, name))).toMatchObject({ height: 40, width: 36 });
    else if (name.endsWith(".json")) JSON.parse(await readFile(join(out, name), "utf8"));
    else expect([".hidiff", "measurements.csv"]).toContain(name);
  }
  for (const name of await readdir(join(out, ".hidiff")).catch(() => [])) {
    if (name.endsWith(".json")) JSON.parse(await readFile(join(out, ".hidiff", name), "utf8"));
  }
  return names.length - whole.length;
}

it(`gives the files of an undisturbed run after ${kills} kills at any moment`, { timeout: 60_000 * kills }, async () => {
  const undisturbed = join(folder, "undisturbed");
  let first = 0;
  const whole = await hidiff(command(undisturbed), { onProgress: () => (first ||= performance.now()) });
  const duration = performance.now() - first;
  expect(whole.code).toBe(0);
  const expected = (await readdir(undisturbed)).sort();
  expect(expected).toHaveLength(images * outputs.length + 3);

  const random = new Generator(11);
  const out = join(folder, "killed");
  const found = { killed: 0, rounds: 0, temporary: 0, goneOn: 0 };
  const finish = async (): Promise<void> => {
    found.rounds++;
    expect((await readdir(out)).sort()).toEqual(expected);
    expect((await readdir(join(out, ".hidiff"))).sort()).toEqual((await readdir(join(undisturbed, ".hidiff"))).sort());
    for (const name of expected.filter((file) => /\.(png|csv)$/.test(file))) {
      expect((await readFile(join(out, name))).equals(await readFile(join(undisturbed, name))), name).toBe(true);
    }
    await rm(out, { recursive: true });
  };
  while (found.killed < kills) {
    const { code, stderr } = await hidiff(command(out), { killAfter: random.uniform() * duration * 1.1 });
    if (/\d+ done before/.test(stderr)) found.goneOn++;
    found.temporary += await checkFiles(out);
    if (code === null) found.killed++;
    else {
      expect(code).toBe(0);
      await finish();
    }
  }
  const last = await hidiff(command(out));
  expect(last.code).toBe(0);
  await finish();
  expect(found.goneOn).toBeGreaterThan(0);
  if (kills > 5) console.log(found);
});
