import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { fileError } from "@hidiff/core-tensor/node";
import { dicomFilesIn } from "./file-kind.ts";

/** The SHA-256 of files one after the other; of the folder of a DICOM series that of its files, by name. */
export async function checksum(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    const isFolder = await stat(path).then(
      (status) => status.isDirectory(),
      (error: unknown) => {
        throw fileError("read", path, error);
      },
    );
    for (const file of isFolder ? await dicomFilesIn(path) : [path]) await addFile(hash, file);
  }
  return hash.digest("hex");
}

async function addFile(hash: Hash, file: string): Promise<void> {
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  } catch (error) {
    throw fileError("read", file, error);
  }
}
