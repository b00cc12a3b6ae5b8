/** What runs in the thread of an object behind a `Proxy`: the thread has this one object. */

let object: Promise<Record<string, unknown>>;

/** Makes the object. */
export async function make(module: string, name: string, args: unknown[]): Promise<void> {
  object = construct(module, name, args);
  await object;
}

/** Calls a method of it. If it could not be made, the error is that of {@linkcode make}. */
export async function call(method: string, args: unknown[]): Promise<unknown> {
  const target = await object;
  const fn = target[method];
  if (typeof fn === "function") return await fn.apply(target, args);
  throw new TypeError(`Cannot call ${method}(): the object has no such method`);
}

async function construct(module: string, name: string, args: unknown[]): Promise<Record<string, unknown>> {
  const maker = (await import(module))[name];
  if (typeof maker !== "function") {
    throw new TypeError(`Cannot make proxy: ${module} exports no class or function "${name}"`);
  }
  return isClass(maker) ? new maker(...args) : await maker(...args);
}

/** Some classes of the platform are written as functions. */
function isClass(maker: { readonly prototype?: object }): boolean {
  return /^class\b/.test(String(maker)) || Object.getOwnPropertyNames(maker.prototype ?? {}).length > 1;
}
