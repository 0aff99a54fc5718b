import { Module } from "./module.ts";

/** Children named 0, 1, 2, …, as in PyTorch's `ModuleList`. */
export class ModuleList<M extends Module> extends Module {
  readonly items: readonly M[];

  constructor(items: readonly M[]) {
    super();
    this.items = items;
    items.forEach((item, index) => this.addChild(String(index), item));
  }
}
