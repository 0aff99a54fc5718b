import { sizeOfType } from "../element-types.ts";
import { span } from "../stored-array.ts";
import { type Calls, isCount, isKind, PickleGlobal, type PickleValue, type StoredTensor } from "./pickle-values.ts";

/** PyTorch's own limit of axes. */
const mostAxes = 64;

/**
 * PyTorch's `_rebuild_tensor(storage, offset, size, stride)`, `_rebuild_tensor_v2(…, requires_grad, hooks, metadata)` and
 * `_rebuild_tensor_v3(…, requires_grad, hooks, dtype, metadata)`, whose storage is untyped.
 */
export function rebuildTensor(args: readonly PickleValue[], { fail }: Calls): StoredTensor {
  const [storage, offset, shape, strides] = args;
  const named = args[6];
  if (!isKind(storage, "storage")) return fail("a tensor has no storage");
  if (!isCount(offset) || !areCounts(shape) || !areCounts(strides)) {
    return fail(`a tensor's offset, size or stride is no integer of 0 or more, or has over ${mostAxes} axes`);
  }
  // Metadata tell that the elements are to be negated or conjugated.
  if (args.slice(6, 8).some((item) => item instanceof Map && item.size > 0)) return fail("a tensor is a negated or conjugated view; save a copy of it");
  if (shape.length !== strides.length) return fail(`a tensor has ${shape.length} axes and ${strides.length} strides`);
  const dtype = named instanceof PickleGlobal ? (named.dtype ?? fail(`a tensor has elements of type ${named.name}`)) : storage.dtype;
  const available = Math.floor((storage.length * sizeOfType(storage.dtype)!) / sizeOfType(dtype)!);
  const needed = shape.includes(0) ? 0 : offset + span(shape, strides);
  if (needed <= available) return { kind: "tensor", storage, dtype, shape: [...shape], strides: [...strides], offset };
  return fail(`a tensor of size [${shape}] and stride [${strides}] from ${offset} does not fit its storage of ${available} elements`);
}

/** `_rebuild_parameter(data, requires_grad, hooks)`, and with a state of attributes behind. */
export function rebuildParameter([data]: readonly PickleValue[], { fail }: Calls): PickleValue {
  return isKind(data, "tensor") ? data : fail("a parameter has no tensor");
}

/** `_rebuild_from_type_v2(function, type, args, state)`: a tensor with attributes, made by another of these functions. */
export function rebuildTyped([callee, , args]: readonly PickleValue[], machine: Calls): PickleValue {
  const isRebuild = callee instanceof PickleGlobal && callee.name.startsWith("torch._utils._rebuild_");
  return isRebuild && Array.isArray(args) ? callee.call(args, machine) : machine.fail("a tensor is made by something unknown");
}

function areCounts(values: PickleValue | undefined): values is number[] {
  return Array.isArray(values) && values.length <= mostAxes && values.every(isCount);
}
