import type { Fail } from "../../arrays/fail.ts";
import { PickleBytes } from "./pickle-bytes.ts";
import { decodeUtf8, parseDecimal, parseFloatText, parseLong, parseQuoted, parseRawUnicode } from "./pickle-literals.ts";
import { type Calls, inert, PickleGlobal, type PickleValue } from "./pickle-values.ts";

/** What a pickle's names outside of it mean. */
interface PickleContext {
  /** Throws the error of a damaged file. */
  readonly fail: Fail;
  /** An allowed class or function; any other one is an error. */
  readonly global: (name: string) => PickleGlobal;
  /** What a persistent identifier stands for. */
  readonly persistent: (id: PickleValue) => PickleValue;
}

/** What a byte of the pickle may cost in memory or steps: twice what the tensors of a checkpoint need. */
const workPerByte = 32;
const workForAll = 100_000;

/** What these cost, about their bytes of memory; a pickle has one byte for each. */
const memoCost = 48;
const listCost = 32;
const dictionaryCost = 160;

/**
 * Reads one pickle (Python's protocols 0 to 5) as data, from Python's documentation of the opcodes in `pickletools`.
 *
 * Nothing is imported, called or executed: names of Python must be among those that the context knows, and stand for
 * functions that build data. The machine uses no recursion, and memory in proportion to the pickle's length.
 */
export class PickleMachine implements Calls {
  readonly #bytes: PickleBytes;
  readonly #context: PickleContext;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #work: number;
  readonly fail: Fail;

  constructor(bytes: Uint8Array, position: number, context: PickleContext) {
    this.#bytes = new PickleBytes(bytes, position);
    this.#context = context;
    this.#work = workPerByte * bytes.length + workForAll;
    this.fail = (what) => context.fail(`byte ${this.#bytes.position} of its pickle: ${what}`);
  }

  /** Where the pickle ended. */
  get position(): number {
    return this.#bytes.position;
  }

  charge(work: number): void {
    this.#work -= work;
    if (this.#work < 0) this.fail("what it describes is far larger than itself");
  }

  dictionary(): Map<PickleValue, PickleValue> {
    this.charge(dictionaryCost);
    return new Map();
  }

  /**
   * Reads up to the pickle's end.
   *
   * @throws PickleEnd if it goes on behind the bytes that are there
   */
  run(): PickleValue {
    for (;;) {
      const opcode = this.#bytes.uint8();
      if (opcode === 0x2e) return this.#pop(); // STOP
      this.#step(opcode);
    }
  }

  #step(opcode: number): void {
    const bytes = this.#bytes;
    const { fail } = this.#context;
    switch (opcode) {
      case 0x80: // PROTO
        if (bytes.uint8() > 5) this.fail("it has a protocol above 5");
        return;
      case 0x95: // FRAME: the opcodes go on in it
        bytes.uint64();
        return;

      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return;
      case 0x30: // POP, of a mark too
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
        else this.#pop();
        return;
      case 0x31: // POP_MARK
        this.#popMark();
        return;
      case 0x32: // DUP
        return this.#push(this.#top());

      case 0x67: // GET
        return this.#recall(this.#index(bytes.line()));
      case 0x68: // BINGET
        return this.#recall(bytes.uint8());
      case 0x6a: // LONG_BINGET
        return this.#recall(bytes.uint32());
      case 0x70: // PUT
        return this.#remember(this.#index(bytes.line()));
      case 0x71: // BINPUT
        return this.#remember(bytes.uint8());
      case 0x72: // LONG_BINPUT
        return this.#remember(bytes.uint32());
      case 0x94: // MEMOIZE
        return this.#remember(this.#memo.size);

      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x49: // INT; "01" and "00" are protocol 0's booleans
        return this.#push(parseDecimal(bytes.line(), fail));
      case 0x4a: // BININT
        return this.#push(bytes.int32());
      case 0x4b: // BININT1
        return this.#push(bytes.uint8());
      case 0x4d: // BININT2
        return this.#push(bytes.uint16());
      case 0x4c: // LONG
        return this.#push(parseDecimal(bytes.line().replace(/L$/, ""), fail));
      case 0x8a: // LONG1
        return this.#push(parseLong(bytes.take(bytes.uint8()), fail));
      case 0x8b: // LONG4
        return this.#push(parseLong(bytes.take(bytes.uint32()), fail));
      case 0x46: // FLOAT
        return this.#push(parseFloatText(bytes.line(), fail));
      case 0x47: // BINFLOAT
        return this.#push(bytes.float64());

      case 0x53: // STRING
        return this.#push(parseQuoted(bytes.line(), fail));
      case 0x54: // BINSTRING: Python 2's, text or bytes
        return this.#pushString(bytes.take(bytes.uint32()));
      case 0x55: // SHORT_BINSTRING
        return this.#pushString(bytes.take(bytes.uint8()));
      case 0x56: // UNICODE
        return this.#push(parseRawUnicode(bytes.line()));
      case 0x58: // BINUNICODE
        return this.#pushText(bytes.take(bytes.uint32()));
      case 0x8c: // SHORT_BINUNICODE
        return this.#pushText(bytes.take(bytes.uint8()));
      case 0x8d: // BINUNICODE8
        return this.#pushText(bytes.take(bytes.uint64()));
      case 0x42: // BINBYTES
        return this.#push(bytes.take(bytes.uint32()));
      case 0x43: // SHORT_BINBYTES
        return this.#push(bytes.take(bytes.uint8()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(bytes.take(bytes.uint64()));

      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return this.#pushList([]);
      case 0x61: // APPEND
        return this.#append([this.#pop()]);
      case 0x65: // APPENDS
        return this.#append(this.#popMark());
      case 0x6c: // LIST
      case 0x74: // TUPLE
        return this.#pushList(this.#popMark());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#pushList(this.#popMany(opcode - 0x84));
      case 0x7d: // EMPTY_DICT
        return this.#push(this.dictionary());
      case 0x64: {
        // DICT
        const items = this.#popMark();
        this.#push(this.dictionary());
        return this.#setItems(items);
      }
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popMark());
      case 0x8f: // EMPTY_SET
        return this.#push(inert);
      case 0x90: // ADDITEMS
        return this.#append(this.#popMark());
      case 0x91: // FROZENSET
        this.#popMark();
        return this.#push(inert);

      case 0x63: // GLOBAL
        return this.#push(this.#context.global(`${bytes.line()}.${bytes.line()}`));
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#popMany(2);
        if (typeof module !== "string" || typeof name !== "string") this.fail("a name of Python is no text");
        return this.#push(this.#context.global(`${module}.${name}`));
      }
      case 0x69: {
        // INST
        const named = this.#context.global(`${bytes.line()}.${bytes.line()}`);
        return this.#push(named.call(this.#popMark(), this));
      }
      case 0x6f: {
        // OBJ
        const [callee, ...args] = this.#popMark();
        return this.#call(callee, args);
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const [callee, args] = this.#popMany(2);
        return this.#call(callee, args);
      }
      case 0x92: {
        // NEWOBJ_EX: with arguments by name, which no allowed class needs
        const [callee, args] = this.#popMany(3);
        return this.#call(callee, args);
      }
      case 0x62: {
        // BUILD: the attributes of an object are never read
        this.#pop();
        const target = this.#top();
        if (!(target instanceof Map) && target !== inert) this.fail("it gives attributes to something that has none");
        return;
      }
      case 0x51: // BINPERSID
        return this.#push(this.#context.persistent(this.#pop()));
      default:
        // Among them are EXT1 to EXT4, which call what a registry of the program names, and protocol 5's foreign buffers.
        this.fail(`opcode 0x${opcode.toString(16).padStart(2, "0")} is not among those that describe plain data`);
    }
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pushList(items: PickleValue[]): void {
    this.charge(listCost);
    this.#push(items);
  }

  /** Values below the last mark cannot be taken. */
  #popMany(count: number): PickleValue[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) this.fail("it takes more than it has");
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #pop(): PickleValue {
    this.#top();
    return this.#stack.pop()!;
  }

  #top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.fail("it takes more than it has");
    return this.#stack.at(-1)!;
  }

  #popMark(): PickleValue[] {
    return this.#stack.splice(this.#marks.pop() ?? this.fail("a mark is missing"));
  }

  #remember(index: number): void {
    this.charge(memoCost);
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    if (!this.#memo.has(index)) this.fail(`it refers to ${index}, which it did not remember`);
    this.#push(this.#memo.get(index)!);
  }

  #index(line: string): number {
    return /^\d{1,9}$/.test(line) ? Number(line) : this.fail("a reference is no number");
  }

  #pushText(bytes: Uint8Array): void {
    this.#push(decodeUtf8(bytes) ?? this.fail("a text is not UTF-8"));
  }

  #pushString(bytes: Uint8Array): void {
    this.#push(decodeUtf8(bytes) ?? bytes);
  }

  #append(items: readonly PickleValue[]): void {
    const target = this.#top();
    if (Array.isArray(target)) for (const item of items) target.push(item);
    else if (target !== inert) this.fail("it appends to something that is no list");
  }

  #setItems(items: readonly PickleValue[]): void {
    const target = this.#top();
    if (items.length % 2 !== 0) this.fail("a key has no value");
    if (target instanceof Map) for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!);
    else if (target !== inert) this.fail("it sets items of something that is no dictionary");
  }

  #call(callee: PickleValue | undefined, args: PickleValue | undefined): void {
    if (!(callee instanceof PickleGlobal)) return this.fail("it calls something that is no class or function");
    if (!Array.isArray(args)) return this.fail(`the arguments of ${callee.name} are no tuple`);
    this.#push(callee.call(args, this));
  }
}
