import { Module } from './module.ts';

/** Modules by number or name. Plain arrays and objects in a field do as well; these have methods and a `forward` that says what they are. */

/** A list of modules, named by their numbers: `0.weight`, `1.weight`, ... It computes nothing itself: iterate over it. */
export class ModuleList<M extends Module = Module> extends Module implements Iterable<M> {
  readonly #items: M[];

  constructor(modules: Iterable<M> = []) {
    super();
    this.#items = [...modules];
  }

  protected override members(): Iterable<readonly [string, unknown]> {
    return this.#items.map((module, i) => [String(i), module] as const);
  }

  get length(): number {
    return this.#items.length;
  }

  /** The module at a position, from the end where it is negative. @throws if there is none */
  at(index: number): M {
    const module = this.#items.at(index);
    if (module === undefined)
      throw new RangeError(`ModuleList: there is no module ${index}, there are ${this.length}`);
    return module;
  }

  /** Adds modules to the end. */
  push(...modules: M[]): this {
    this.#items.push(...modules);
    return this;
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#items[Symbol.iterator]();
  }

  /** @throws always: the owner says in which order and with what the modules are called */
  forward(): never {
    throw new Error('ModuleList: has no forward of its own; call those of its modules, or use Sequential');
  }
}

/** Modules by name. It computes nothing itself: get them out. */
export class ModuleDict<M extends Module = Module> extends Module implements Iterable<[string, M]> {
  readonly #items: Map<string, M>;

  constructor(modules: Readonly<Record<string, M>> = {}) {
    super();
    this.#items = new Map(Object.entries(modules));
  }

  protected override members(): Iterable<readonly [string, unknown]> {
    return this.#items;
  }

  get size(): number {
    return this.#items.size;
  }

  /** The names, in order. */
  keys(): string[] {
    return [...this.#items.keys()];
  }

  has(name: string): boolean {
    return this.#items.has(name);
  }

  /** The module of a name. @throws if there is none */
  get(name: string): M {
    const module = this.#items.get(name);
    if (module === undefined)
      throw new Error(`ModuleDict: there is no module '${name}', there are ${this.keys().join(', ')}`);
    return module;
  }

  /** Puts a module under a name. */
  set(name: string, module: M): this {
    this.#items.set(name, module);
    return this;
  }

  [Symbol.iterator](): Iterator<[string, M]> {
    return this.#items[Symbol.iterator]();
  }

  /** @throws always: the owner says which module is called */
  forward(): never {
    throw new Error('ModuleDict: has no forward of its own; call those of its modules');
  }
}
