/** Throws an error that says what is wrong with a file, or with an array in it. */
export type Fail = (what: string) => never;
