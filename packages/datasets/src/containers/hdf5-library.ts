import { fstatSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/files-node";
import { statFile } from "../files/read-file.ts";
import type * as Library from "h5wasm";

type H5wasm = typeof Library;

/**
 * The HDF5 library compiled to WebAssembly. Its browser build is used in Node too: it sees a file system in memory alone,
 * so that a file with links to other files cannot make it read those.
 */
interface Hdf5Library {
  readonly h5wasm: H5wasm;
  readonly module: Awaited<H5wasm["ready"]>;
  readonly files: MemoryFiles;
  /** What the library complained about since it was asked last: its innermost message. */
  takeComplaint(): string | undefined;
}

/** The parts of Emscripten's file system that are used here; h5wasm's types leave some of them out. */
interface MemoryFiles {
  readonly streams: { stream_ops: { write(stream: unknown, buffer: Int8Array, offset: number, length: number): number } }[];
  readonly ErrnoError: new (number: number) => Error;
  createFile(parent: string, name: string, properties: object, canRead: boolean, canWrite: boolean): FileNode;
  readFile(path: string): Uint8Array;
  unlink(path: string): void;
}

interface FileNode {
  usedBytes: number;
  stream_ops: { read(stream: unknown, buffer: Int8Array, offset: number, length: number, position: number): number };
}

export interface OpenHdf5 extends Hdf5Library {
  readonly path: string;
  readonly id: bigint;
  /** Bytes of the file. */
  readonly size: number;
  /** Throws `datasets.hdf5` that names the file. */
  readonly fail: (what: string, cause?: unknown) => never;
}

/** The number of an input or output error, as WASI counts them. */
const ioError = 29;

let loading: Promise<Hdf5Library> | undefined;
let opened = 0;

/** Loads the library at its first use; 4 MB of WebAssembly. */
export async function loadHdf5(): Promise<Hdf5Library> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Hdf5Library> {
  const h5wasm = await import("h5wasm");
  const module = await h5wasm.ready;
  const files = module.FS as unknown as MemoryFiles;
  // The library prints the stack of every error; it belongs into ours instead.
  let printed = "";
  const standardError = files.streams[2]!;
  standardError.stream_ops = {
    ...standardError.stream_ops,
    write: (_stream, buffer, offset, length) => {
      if (printed.length < 100_000) printed += Buffer.from(buffer.buffer, buffer.byteOffset + offset, length).toString("latin1");
      return length;
    },
  };
  const takeComplaint = (): string | undefined => {
    const message = [...printed.matchAll(/#\d+: .* in \w+\(\): (.*)/g)].at(-1)?.[1];
    printed = "";
    return message;
  };
  return { h5wasm, module, files, takeComplaint };
}

/**
 * Opens an HDF5 file, and closes it again whatever `use` does. The file is read in pieces where the library asks for them.
 *
 * @param operation how errors begin
 * @throws `file.read` where it cannot be read, `datasets.hdf5` where it is no complete HDF5 file or `use` throws
 */
export async function withHdf5<T>(operation: string, path: string, use: (file: OpenHdf5) => T): Promise<T> {
  const library = await loadHdf5();
  const { module, files, takeComplaint } = library;
  const fail = (what: string, cause?: unknown): never => {
    const complaint = takeComplaint();
    const reason = complaint === undefined ? "" : ` (${complaint})`;
    throw new HidiffError("datasets.hdf5", `${operation}: "${path}" ${what}${reason}. Copy or download the file again, or write it anew.`, { cause });
  };
  await statFile(path); // before it is opened: who opens a pipe waits
  const handle = await open(path, "r").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  // From here on nothing waits, so that one file is open in the library at a time.
  try {
    const status = fstatSync(handle.fd);
    if (status.size === 0) fail("is not a complete HDF5 file: it is empty");
    const name = `read-${opened++}.h5`;
    const node = files.createFile("/", name, {}, true, false);
    node.usedBytes = status.size;
    node.stream_ops = {
      ...node.stream_ops,
      read: (_stream, buffer, offset, length, position) => {
        try {
          return readSync(handle.fd, buffer, offset, length, position);
        } catch {
          throw new files.ErrnoError(ioError);
        }
      },
    };
    takeComplaint();
    let id = -1n;
    try {
      id = module.open(`/${name}`, module.H5F_ACC_RDONLY, false, -1, -1);
      if (id < 0n) fail("is not a complete HDF5 file");
      return use({ ...library, path, id, size: status.size, fail });
    } catch (error) {
      if (error instanceof HidiffError) throw error;
      return fail(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
    } finally {
      if (id >= 0n) module.close_file(id);
      files.unlink(`/${name}`);
      takeComplaint();
    }
  } finally {
    await handle.close();
  }
}
