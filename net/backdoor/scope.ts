/** The names that the entries of a session see. */

/**
 * Where the code of a session looks its names up, innermost first: its variables, the names of the session
 * (commands, `_`), the globals of the program. What it declares or assigns without declaring becomes a variable;
 * a global can be replaced for the session only by a declaration.
 */
export class Scope {
  /** For `with`. */
  readonly names: object;
  readonly #variables: Record<string, unknown>;
  readonly #commands: Record<string, unknown>;
  readonly #declared = new Set<string>();

  /**
   * Makes one.
   *
   * @param variables Gets the variables of the session.
   * @param commands The names of the session.
   */
  constructor(variables: Record<string, unknown>, commands: Record<string, unknown>) {
    this.#variables = variables;
    this.#commands = commands;
    this.names = new Proxy(Object.create(null), {
      has: (_, name) => typeof name === "string" && this.#has(name),
      get: (_, name) => typeof name === "string" ? this.#get(name) : undefined,
      set: (_, name, value) => this.#set(name as string, value),
      deleteProperty: (_, name) => Reflect.deleteProperty(this.#variables, name),
    });
  }

  /** The names that an entry declares are variables from now on, also if the program has globals of these names. */
  declare(names: readonly string[]): void {
    for (const name of names) this.#declared.add(name);
  }

  /** Sets a name of the session: `_`. */
  setCommand(name: string, value: unknown): void {
    this.#commands[name] = value;
  }

  /** The variables and the names of the session, sorted. */
  list(): string[] {
    return [...new Set([...Object.keys(this.#variables), ...Object.keys(this.#commands)])].sort();
  }

  /** Also of what does not exist, so that it is not made a global by an assignment. */
  #has(name: string): boolean {
    return this.#declared.has(name) || this.#isOwn(name) || !(name in globalThis);
  }

  #isOwn(name: string): boolean {
    return Object.hasOwn(this.#variables, name) || Object.hasOwn(this.#commands, name);
  }

  #get(name: string): unknown {
    if (Object.hasOwn(this.#variables, name)) return this.#variables[name];
    if (Object.hasOwn(this.#commands, name)) return this.#commands[name];
    if (name in globalThis) return (globalThis as Record<string, unknown>)[name];
    throw new ReferenceError(`${name} is not defined`);
  }

  #set(name: string, value: unknown): boolean {
    if (Object.hasOwn(this.#variables, name)) return Reflect.set(this.#variables, name, value);
    return Reflect.defineProperty(this.#variables, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}
