import { cast, greater, type Tensor } from "@hidiff/core-tensor";

/** What is decided: the sign of a time-dependent binarization, or whether a key is attended to. */
export type DecisionKind = "TB" | "attention";

/**
 * For tests: replaces the decisions `margin > 0` of a forward pass, in the order in which they are made. A binarized
 * network is chaotic, so that comparisons with another implementation must agree on the values next to a threshold.
 */
export type DecisionHook = (kind: DecisionKind, margin: Tensor) => Tensor;

let activeHook: DecisionHook | undefined;

/** For tests: runs `action` with `hook` taking all decisions. */
export function withDecisionHook<T>(hook: DecisionHook, action: () => T): T {
  const outerHook = activeHook;
  activeHook = hook;
  try {
    return action();
  } finally {
    activeHook = outerHook;
  }
}

/** 1 where `margin > 0`, else 0 (so that the sign of 0 is −1). */
export function decide(kind: DecisionKind, margin: Tensor): Tensor {
  return activeHook === undefined ? cast(greater(margin, 0), "float32") : activeHook(kind, margin);
}
