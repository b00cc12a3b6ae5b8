/** Collects warnings instead of printing them, until disposed. */
export function captureWarnings(): Disposable & { readonly seen: string[] } {
  const { warn } = console;
  const seen: string[] = [];
  console.warn = (...args: unknown[]) => void seen.push(args.join(" "));
  return {
    seen,
    [Symbol.dispose]() {
      console.warn = warn;
    },
  };
}
