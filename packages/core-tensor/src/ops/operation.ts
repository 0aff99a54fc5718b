import { clone, engine, type Tensor } from "@tensorflow/tfjs-core";

/** Inputs by name. */
type Inputs = Readonly<Record<string, Tensor>>;

interface OperationDefinition<I extends Inputs, O extends Tensor | Tensor[]> {
  readonly inputs: I;
  /** Computes the outputs; `save` keeps what the backward pass needs. Nothing inside is recorded. */
  forward(save: (tensors: Tensor[]) => void): O;
  /** Gradients by input name, each computed only if that input is differentiated. `gradient` has the outputs' shape. */
  backward(gradient: O, saved: Tensor[]): { readonly [name in keyof I]: () => Tensor };
}

type GradientsByName = Readonly<Record<string, () => Tensor>>;

interface EngineWithCustomGradients {
  runKernelFunc(definition: {
    inputs: Inputs;
    forwardFunc(backend: unknown, save: (tensors: Tensor[]) => void): Tensor | Tensor[];
    backwardsFunc(gradient: Tensor | Tensor[], saved: Tensor[]): GradientsByName;
  }): Tensor | Tensor[];
}

/**
 * An operation with its own gradient. Unlike `tf.customGrad`, gradients are lazy: a frozen weight costs nothing.
 *
 * (`tf.customGrad` is itself a wrapper of this engine function that computes all gradients at once.)
 */
export function operation<I extends Inputs, O extends Tensor | Tensor[]>(definition: OperationDefinition<I, O>): O {
  return (engine() as unknown as EngineWithCustomGradients).runKernelFunc({
    inputs: definition.inputs,
    forwardFunc: (_backend, save) => definition.forward(save),
    backwardsFunc: (gradient, saved) => ownGradients(gradient, definition.backward(gradient as O, saved) as GradientsByName),
  }) as O;
}

/**
 * Copies a gradient that would be the incoming one itself: where a tensor is used twice, the engine adds up its gradients
 * and disposes the parts, which others may still have to read.
 */
export function ownGradients(incoming: Tensor | Tensor[], gradients: GradientsByName): GradientsByName {
  const incomings = [incoming].flat();
  return Object.fromEntries(
    Object.entries(gradients).map(([name, compute]) => {
      const own = (): Tensor => {
        const result = compute();
        return incomings.includes(result) ? clone(result) : result;
      };
      return [name, own];
    }),
  );
}

/** Runs a kernel of the current backend by its name. */
export function runKernel(name: string, inputs: Inputs, attributes: object): Tensor {
  return engine().runKernel(name, inputs as never, attributes as never) as Tensor;
}

/** Whether the current backend is TensorFlow's native library (CPU or CUDA). */
export function isNative(): boolean {
  return engine().backendName === "tensorflow";
}
