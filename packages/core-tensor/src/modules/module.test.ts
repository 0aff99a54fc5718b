import { add, tidy, type Variable } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { constantTensor } from "./initializers.ts";
import { ModuleList } from "./module-list.ts";
import { countParameters, type HostTensor, Module } from "./module.ts";

beforeAll(useTestBackend);

class Leaf extends Module {
  readonly weight: Variable;
  readonly count: Variable;

  constructor(value: number) {
    super();
    this.weight = this.addParameter("weight", constantTensor([2, 3], value), "linear");
    this.count = this.addBuffer("count", constantTensor([1], value));
  }
}

class Tree extends Module {
  readonly bias: Variable = this.addParameter("bias", constantTensor([4], 9));
  readonly first: Leaf = this.addChild("first", new Leaf(1));
  readonly rest: ModuleList<Leaf> = this.addChild("rest", new ModuleList([new Leaf(2), new Leaf(3)]));
}

function withTree<T>(action: (tree: Tree) => T | Promise<T>): Promise<T> {
  return noLeak(async () => {
    const tree = new Tree();
    try {
      return await action(tree);
    } finally {
      tree.dispose();
    }
  });
}

describe("Module", () => {
  it("names parameters and buffers by dotted paths, in order", async () => {
    await withTree((tree) => {
      expect(tree.parameters().map(({ name, layout }) => [name, layout])).toEqual([
        ["bias", "plain"],
        ["first.weight", "linear"],
        ["rest.0.weight", "linear"],
        ["rest.1.weight", "linear"],
      ]);
      expect(tree.buffers().map(({ name }) => name)).toEqual(["first.count", "rest.0.count", "rest.1.count"]);
      expect(countParameters(tree)).toBe(4 + 3 * 6);
      expect(tree.parameters().every(({ variable }) => variable.trainable)).toBe(true);
      expect(tree.buffers().every(({ variable }) => !variable.trainable)).toBe(true);
    });
  });

  it("lists itself and all modules within", async () => {
    await withTree((tree) => {
      expect(tree.modules()).toEqual([tree, tree.first, tree.rest, ...tree.rest.items]);
    });
  });

  it("loads what it stored", async () => {
    await withTree((tree) => {
      const state = tree.stateDict();
      state.get("rest.1.weight")!.data.set([1, 2, 3, 4, 5, 6]);
      tree.loadStateDict(state);
      expect([...tree.rest.items[1]!.weight.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
      expect(tree.stateDict()).toEqual(state);
    });
  });

  it("shares no memory with the state that it loads or gives", async () => {
    await withTree((tree) => {
      const state = tree.stateDict();
      tree.loadStateDict(state);
      for (const { data } of [...state.values(), ...tree.stateDict().values()]) data.fill(77);
      expect([...tree.bias.dataSync()]).toEqual([9, 9, 9, 9]);
    });
  });

  it("lists everything that does not fit, and loads nothing", async () => {
    await withTree((tree) => {
      const state = new Map<string, HostTensor>([...tree.stateDict()].map(([name, { shape }]) => [name, constantTensor(shape, -1)]));
      state.delete("first.weight");
      state.set("second.weight", constantTensor([1], 0));
      state.set("bias", constantTensor([2, 2], 0));
      const before = tree.stateDict();
      expect(() => tree.loadStateDict(state, "checkpoint x")).toThrow(
        expect.objectContaining({
          code: "state.mismatch",
          message:
            "The checkpoint x is of another architecture than this network: 1 missing: first.weight; 1 unexpected: second.weight; " +
            "1 of another shape: bias (expected [4], got [2,2]). Use the configuration that it was trained with.",
        }),
      );
      expect(tree.stateDict()).toEqual(before);
    });
  });

  it("shortens long lists", async () => {
    await withTree((tree) => {
      expect(() => tree.loadStateDict(new Map())).toThrow("7 missing: bias, first.weight, rest.0.weight, rest.1.weight, first.count, … (2 more)");
    });
  });

  it("keeps variables when they are loaded", async () => {
    await withTree((tree) => {
      const { bias } = tree;
      tree.loadStateDict(tree.stateDict());
      tidy(() => {
        expect([...add(bias, 1).dataSync()]).toEqual([10, 10, 10, 10]);
      });
    });
  });
});
