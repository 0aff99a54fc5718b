import { Command, Option } from "commander";
import type { ImportOptions } from "../weights/import.ts";
import { sharedOptions } from "./shared-options.ts";

/** The names that `weightsKinds` knows, which is loaded only when the command runs. */
const networks = ["unet", "transunet", "attention-unet", "residual-unet", "swin-unet", "hidiff-refiner"];

export function importCommand(): Command {
  return new Command("import")
    .description("Brings other people's weights into HiDiff's form: PyTorch .pt and .pth, safetensors, .npz.")
    .argument("<file>", "the checkpoint; of one in several files, its index (….index.json)")
    .addOption(new Option("--as <network>", "whose weights they are").choices(networks))
    .option("--out <file>", "the file that is written (default: the checkpoint's name with .safetensors, in the working directory)")
    .option("--prefix <text>", "what stands before the network's names, such as state_dict.module. (default: found)")
    .addOption(sharedOptions.set("an option of the network that its shapes do not tell, such as heads=4; may come several times"))
    .option("--force", "replace the file that is written, if there is one")
    .addOption(sharedOptions.json("print the report as JSON"))
    .addHelpText(
      "after",
      `
Half-precision numbers become 32-bit floats. A PyTorch file is read as data: nothing in it is executed, and one that wants to
execute something is refused. Arrays that are missing are errors; those that are not needed are counted (--json lists them all).
The options of the network follow from the shapes in the file.

residual-unet is nnU-Net's network with a residual encoder (ResEnc), in 2-D. For transunet, a .npz file is one of Google's
R50+ViT checkpoints: it gives the encoder, and the rest stays random.

Examples:
  hidiff import unet.pth --as unet
  hidiff import epoch_149.pth --as transunet --set imageChannels=1
  hidiff import checkpoint_final.pth --as residual-unet --out nnunet.safetensors
  hidiff import R50+ViT-B_16.npz --as transunet --set imageChannels=1 --set classes=9 --out vit.safetensors
  hidiff import hidiff.pt --as hidiff-refiner --prefix refiner.

Train with the result, or only evaluate it, with 0 iterations:
  hidiff train --config mine.yaml --set training.initialWeights.segmentor=unet.safetensors`,
    )
    .action(async (file: string, options: ImportOptions) => {
      const { importCheckpoint } = await import("../weights/import.ts");
      await importCheckpoint(file, options);
    });
}
