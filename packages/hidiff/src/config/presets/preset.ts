import type { ConfigurationInput } from "../schema.ts";

/** A configuration with a name. It leaves out what its user must say, such as the data set's folder. */
export interface Preset {
  /** What it trains, in a few words. */
  readonly summary: string;
  /** Roughly how long it trains, and on what. */
  readonly time: string;
  readonly configuration: ConfigurationInput;
}
