import { type Module, pytorchShape, toPyTorchLayout } from "@hidiff/core-tensor";
import { writeWeights } from "@hidiff/core-tensor/node";
import { type WeightsHeader, weightsMetadata } from "./header.ts";
import { networkArrays } from "./load-weights.ts";
import { publishedForm } from "./networks.ts";

/**
 * Writes a network's weights as safetensors, with what is needed to read them again: by our names and axes, or by those of the
 * published PyTorch network (`layout: "pytorch"`). Atomically, and array by array.
 *
 * @throws HidiffError `file.write`
 */
export async function writeNetwork(path: string, module: Module, header: WeightsHeader): Promise<void> {
  const arrays = networkArrays(module, publishedForm(header.network).stateName).map(({ name, published, variable, layout }) => {
    const read = (): { shape: readonly number[]; data: Float32Array } => ({ shape: variable.shape, data: variable.dataSync() as Float32Array });
    if (header.layout === "hidiff") return { name, shape: variable.shape, read };
    return { name: published, shape: pytorchShape(variable.shape, layout), read: () => toPyTorchLayout(read(), layout) };
  });
  await writeWeights(path, arrays, weightsMetadata(header));
}
