import { HidiffError } from "../errors.ts";

export function missingPackage(model: string, packageName: string, cause: unknown): HidiffError {
  return new HidiffError("tfjs.missing", `To load ${model}, install ${packageName} 4.22.0 (npm install ${packageName}@4.22.0).`, { cause });
}

export function unreadableModel(name: string, cause: unknown): HidiffError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HidiffError("tfjs.format", `${name} cannot be loaded: ${reason}`, { cause });
}
