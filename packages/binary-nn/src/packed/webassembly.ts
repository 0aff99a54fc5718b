/** What is used here of WebAssembly's interface: TypeScript knows it in the browser's types only. */
interface WebAssemblyInterface {
  compile(bytes: Uint8Array): Promise<WebAssemblyModule>;
  validate(bytes: Uint8Array): boolean;
  Instance: new (module: WebAssemblyModule, imports: { env: { memory: WebAssemblyMemory } }) => { readonly exports: Record<string, unknown> };
  Memory: new (size: { initial: number; maximum?: number; shared?: boolean }) => WebAssemblyMemory;
}

export type WebAssemblyModule = object;

export interface WebAssemblyMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export const WebAssembly: WebAssemblyInterface = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
