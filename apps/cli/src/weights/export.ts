import { join } from "node:path";
import { openWeights, selectBackend } from "@hidiff/core-tensor/node";
import { importWeights, readWeightsHeader, refinerKind, resolvedOptions, type WeightsHeader } from "hidiff";
import { writeNetwork } from "hidiff/node";
import type { Module } from "@hidiff/core-tensor";
import { usageError } from "../errors.ts";
import { makeFolder, requireNew } from "../files/folder.ts";
import { openModel } from "../options/model.ts";
import { Output } from "../terminal/output.ts";

export interface ExportOptions {
  readonly out: string;
  readonly part?: "segmentor" | "refiner";
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `hidiff export`: writes a model's networks, or the one of a file, in PyTorch's form. */
export async function exportModel(path: string, options: ExportOptions): Promise<void> {
  const output = new Output(options);
  await selectBackend({ prefer: "cpu" }); // nothing is computed
  const written = /\.safetensors$/i.test(path) ? [await exportFile(path, options)] : await exportBundle(path, options);
  output.emit({ model: path, written });
  for (const { network, file, arrays } of written) output.print(`${network}: ${arrays} arrays in ${file}`);
}

interface Written {
  readonly network: string;
  readonly file: string;
  readonly arrays: number;
}

async function exportFile(path: string, { out, part, force }: ExportOptions): Promise<Written> {
  if (part !== undefined) throw usageError("--part is for models of two networks; a file holds one.");
  const target = /\.safetensors$/i.test(out) ? out : `${out}.safetensors`;
  const file = await openWeights(path);
  try {
    if (readWeightsHeader(file.metadata, path) === undefined) throw usageError(`${path} was not written by hidiff import, or is a part of a bundle; give the bundle.`);
    const { module, header } = await importWeights(file);
    return await write(target, module, header, force);
  } finally {
    await file.close();
  }
}

async function exportBundle(path: string, { out, part, force }: ExportOptions): Promise<Written[]> {
  const { model } = await openModel(path, {});
  const written: Written[] = [];
  try {
    const { architecture } = model.model;
    const networks = (["segmentor", "refiner"] as const)
      .filter((name) => part === undefined || name === part)
      .map((name) => ({ name, network: name === "refiner" ? refinerKind : architecture.segmentor.name, module: model.model[name] }));
    await makeFolder(out);
    for (const { name, network, module } of networks) {
      const header = { network, options: resolvedOptions(module) ?? architecture.segmentor.options, layout: "hidiff" as const };
      written.push(await write(join(out, `${name}.safetensors`), module, header, force));
    }
  } finally {
    model.dispose();
  }
  return written;
}

async function write(file: string, module: Module, header: WeightsHeader, force: boolean = false): Promise<Written> {
  if (!force) await requireNew(file);
  await writeNetwork(file, module, { ...header, layout: "pytorch" });
  return { network: header.network, file, arrays: module.parameters().length + module.buffers().length };
}
