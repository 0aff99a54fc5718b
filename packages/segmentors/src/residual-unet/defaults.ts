/** Fewest resolutions: feature maps start at stride 4. */
export const minimumStages = 3;
export const maximumStages = 8;

/** Channels at full resolution and the most that a stage has, in nnU-Net's 2-D networks. */
export const defaultWidths = { base: 32, maximum: 512 } as const;

/** Residual blocks of nnU-Net's stages. */
export const defaultBlocks: readonly number[] = [1, 3, 4, 6, 6, 6, 6, 6];
