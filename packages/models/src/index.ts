export { modelPath, type ShippedModel, shippedModels } from "./shipped-models.ts";
