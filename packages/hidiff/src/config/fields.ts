import { z } from "zod";

/** Kinds of numbers that several parts of a configuration have. */
export const positiveInteger: z.ZodNumber = z.number().int().positive();
export const count: z.ZodNumber = z.number().int().min(0);
export const atLeastZero: z.ZodNumber = z.number().min(0);
export const fraction: z.ZodNumber = z.number().min(0).max(1);
/** [low, high] */
export const range: z.ZodTuple<[z.ZodNumber, z.ZodNumber]> = z.tuple([z.number(), z.number()]);
export const path: z.ZodString = z.string().min(1);
