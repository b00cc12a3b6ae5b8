import type { Reply } from "./reply.ts";

/** Where something belongs: a comment in style and script, so that they can be formatted. */
const PLACEHOLDER = /\/\* \{\{(\w+)\}\} \*\/|\{\{(nonce)\}\}/g;

/** The page, as it is sent to a browser: its own style and script run, and nothing else. */
export async function pageReply(): Promise<Reply> {
  // Here, so that a program that serves no page does not load it.
  const { html, css, script } = await import("./page/bundle.ts");
  const nonce = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  const parts: Record<string, string> = { nonce, css, script };
  return {
    status: 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy(nonce),
    },
    body: html.replace(
      PLACEHOLDER,
      (_all: string, comment?: string, bare?: string) => parts[comment ?? bare!]!,
    ),
  };
}

function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'", // what the program says never becomes markup
    "trusted-types 'none'",
  ].join("; ");
}
