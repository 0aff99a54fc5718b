import { Option } from "commander";
import { collect } from "../options/numbers.ts";

/** Options that several commands have. */
export const sharedOptions = {
  backend: (): Option => new Option("--backend <name>", "tensor backend: tfjs-node-gpu, tfjs-node, wasm or cpu (default: the fastest that loads)"),
  json: (what: string): Option => new Option("--json", what),
  set: (what: string): Option => new Option("--set <key=value...>", what).argParser(collect),
} as const;
