import { call, type KernelCall } from "@hidiff/binary-nn/packed";
import { affine, batchNorm, dense } from "./layer-plans.ts";
import type { PlanMemory, SignedMap, Signs } from "./plan-memory.ts";

const heads = 4;

/** BX-Former on the token maps of one size; its first keys and values come from the condition alone, and are kept. */
export class CrossTransformerPlan {
  readonly #memory: PlanMemory;
  readonly #tokenOrder: "spatial" | "published";
  readonly #newTokens: () => SignedMap;
  readonly #ownCondition: { readonly key: SignedMap; readonly value: SignedMap };

  constructor(memory: PlanMemory, { height, width, channels, tokenOrder }: { height: number; width: number; channels: number; tokenOrder: "spatial" | "published" }) {
    this.#memory = memory;
    this.#tokenOrder = tokenOrder;
    this.#newTokens = () => memory.newMap(height, width, channels);
    this.#ownCondition = { key: this.#newTokens(), value: this.#newTokens() };
  }

  /** Key and value of the first cross-transformer block: they come from the condition alone. */
  conditionCalls(condition: SignedMap, step: number): KernelCall[] {
    const normalized = this.#newTokens();
    const calls = this.projections("crossTransformer.block1", step, normalized, this.#ownCondition, (signs) =>
      affine(condition, batchNorm(this.#memory, "crossTransformer.conditionNorm1", condition.channels), { output: normalized.floats, signs }),
    );
    this.#memory.releaseMaps(normalized);
    return calls;
  }

  /** BX-Former without what the condition alone determines. */
  calls(own: SignedMap, condition: SignedMap, step: number): { calls: KernelCall[]; output: SignedMap } {
    const { channels } = own;
    const prefix = "crossTransformer";

    const normalized = this.#newTokens();
    const query1 = this.#newTokens();
    const calls = this.projections(`${prefix}.block1`, step, normalized, { query: query1 }, (signs) =>
      affine(own, batchNorm(this.#memory, `${prefix}.embeddingNorm1`, channels), { output: normalized.floats, signs }),
    );
    const enriched = this.#newTokens();
    calls.push(...this.attend(`${prefix}.block1`, step, { query: query1, ...this.#ownCondition }, condition, enriched));
    this.#memory.releaseMaps(query1);

    const queryInput = this.#newTokens();
    const query2 = this.#newTokens();
    calls.push(
      ...this.projections(`${prefix}.block2`, step, queryInput, { query: query2 }, (signs) =>
        affine(enriched, batchNorm(this.#memory, `${prefix}.conditionNorm2`, channels), { output: queryInput.floats, signs }),
      ),
    );
    this.#memory.releaseMaps(queryInput);
    // Key and value are normalized twice, as published.
    const twice = this.#newTokens();
    const [key, value] = [this.#newTokens(), this.#newTokens()];
    calls.push(
      ...this.projections(`${prefix}.block2`, step, twice, { key, value }, (signs) =>
        affine(normalized, batchNorm(this.#memory, `${prefix}.embeddingNorm2`, channels), { output: twice.floats, signs }),
      ),
    );
    this.#memory.releaseMaps(twice, normalized, enriched);
    let output = this.#newTokens();
    calls.push(...this.attend(`${prefix}.block2`, step, { query: query2, key, value }, own, output));
    this.#memory.releaseMaps(query2, key, value);

    if (this.#tokenOrder === "published") {
      const scrambled = this.#newTokens();
      const tokens = own.height * own.width;
      calls.push(call("reinterpret", tokens, { tokens, channels, input: output.floats, output: scrambled.floats }));
      this.#memory.releaseMaps(output);
      output = scrambled;
    }
    const identity = { factor: this.#memory.constants.filled(1, channels), offset: this.#memory.constants.filled(0, channels) };
    calls.push(affine(output, identity, { output: 0, signs: [{ threshold: this.#memory.threshold("middle2", step, channels), bits: output.bits }] }));
    this.#memory.floatTap(prefix, output);
    return { calls, output };
  }

  /** Projects normalized tokens, which `normalize` writes with the signs that are asked for, to maps by name. */
  private projections(
    block: string,
    step: number,
    normalized: SignedMap,
    outputs: Readonly<Record<string, SignedMap>>,
    normalize: (signs: readonly Signs[]) => KernelCall,
  ): KernelCall[] {
    const { channels } = normalized;
    const names = Object.keys(outputs);
    const bits = names.map(() => this.#memory.acquire((normalized.height * normalized.width * channels) / 4));
    const calls = [
      normalize(names.map((name, index) => ({ threshold: this.#memory.threshold(`${block}.${name}.unit`, step, channels), bits: bits[index]! }))),
      ...names.map((name, index) =>
        dense(this.#memory, 
          `${block}.${name}.unit`,
          step,
          bits[index]!,
          channels,
          { kind: "same", floats: normalized.floats, channels },
          outputs[name]!,
          this.#memory.threshold(`${block}.${name}`, step, channels),
        ),
      ),
    ];
    for (const name of names) this.#memory.signTap(`${block}.${name}`, outputs[name]!, false, [outputs[name]!]);
    this.#memory.release(...bits);
    return calls;
  }

  /** A cross-transformer block from its attention on. */
  private attend(
    block: string,
    step: number,
    { query, key, value }: Readonly<Record<"query" | "key" | "value", SignedMap>>,
    residual: SignedMap,
    output: SignedMap,
  ): KernelCall[] {
    const { height, width, channels } = query;
    const tokens = height * width;
    const mixed = this.#newTokens();
    const projected = this.#newTokens();
    const base = this.#newTokens();
    const normalized = this.#newTokens();
    const contracted = this.#newTokens();
    const expanded = this.#memory.newMap(height, width, 4 * channels, true);
    const feedForward = `${block}.feedForward`;
    const perStep = (name: string, length = channels): { factor: number; offset: number } => ({
      factor: this.#memory.constants.row(`${name}.factor`, step, length),
      offset: this.#memory.constants.row(`${name}.offset`, step, length),
    });
    const scales = perStep(`${feedForward}.scales`, 5 * channels);
    const calls = [
      call("attention", tokens, {
        tokens,
        channels,
        heads,
        queryBits: query.bits,
        keyBits: key.bits,
        valueBits: value.bits,
        query: query.floats,
        key: key.floats,
        value: value.floats,
        scale: this.#memory.constants.vector(`${block}.context.factor`, channels),
        bias: this.#memory.constants.row(`${block}.context.offset`, step, channels),
        slope: this.#memory.constants.vector(`${block}.context.slope`, channels),
        after: this.#memory.constants.row(`${block}.context.after`, step, channels),
        output: mixed.floats,
        thresholdA: this.#memory.threshold(`${block}.output`, step, channels),
        bitsA: mixed.bits,
      }),
      dense(this.#memory, `${block}.output`, step, mixed.bits, channels, { kind: "same", floats: mixed.floats, channels }, projected, 0),
      affine(projected, perStep(`${block}.outputScale`), { output: base.floats, residual: residual.floats }),
      affine(base, batchNorm(this.#memory, `${feedForward}.norm`, channels), {
        output: normalized.floats,
        signs: [{ threshold: this.#memory.threshold(`${feedForward}.expansion`, step, channels), bits: normalized.bits }],
      }),
      dense(this.#memory, 
        `${feedForward}.expansion`,
        step,
        normalized.bits,
        channels,
        { kind: "tile", floats: normalized.floats, channels },
        expanded,
        this.#memory.threshold(`${feedForward}.contraction`, step, 4 * channels),
      ),
      dense(this.#memory, 
        `${feedForward}.contraction`,
        step,
        expanded.bits,
        4 * channels,
        { kind: "quadMean", floats: expanded.floats, channels: 4 * channels },
        contracted,
        0,
      ),
      call("feedForwardSum", height, {
        height,
        width,
        channels,
        base: base.floats,
        contracted: contracted.floats,
        normalized: normalized.floats,
        scale: scales.factor,
        bias: scales.offset,
        output: output.floats,
      }),
    ];
    this.#memory.floatTap(block, output);
    this.#memory.releaseMaps(mixed, projected, base, normalized, contracted, expanded);
    return calls;
  }
}
