import type { z } from "zod";

/** A value inside of the one that is checked, and the schema for it; without schema, nothing is checked. */
interface Inner {
  readonly schema: z.ZodType | undefined;
  readonly value: unknown;
  readonly path: readonly string[];
}

/** A check by a schema that depends on the value, such as the options of a named network: its problems become the value's own. */
export function forwardIssues<T>(inner: (value: T) => Inner): z.core.CheckFn<T> {
  return (payload) => {
    const { schema, value, path } = inner(payload.value);
    const result = schema?.safeParse(value);
    if (result === undefined || result.success) return;
    for (const issue of result.error.issues) {
      payload.issues.push({ ...issue, path: [...path, ...issue.path], input: payload.value, continue: true } as z.core.$ZodRawIssue);
    }
  };
}
