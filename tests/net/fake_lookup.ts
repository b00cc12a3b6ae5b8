/** The system's look-up of names, replaced: it answers what the test says, when the test says. */
import dns from "node:dns";
import type { HostAddress } from "@verdant/green";

type Answer = (error: Error | null, found: HostAddress[]) => void;

/** Replaces the look-up until disposed. */
export class FakeLookup implements Disposable {
  /** The names that were asked for and not answered. */
  readonly asked: string[] = [];
  readonly #answers: Answer[] = [];
  readonly #original = dns.lookup;

  constructor() {
    const lookup = (name: string, _options: unknown, answer: Answer) => {
      this.asked.push(name);
      this.#answers.push(answer);
    };
    dns.lookup = lookup as unknown as typeof dns.lookup;
  }

  /** Answers the oldest question. */
  answer(...addresses: string[]): void {
    this.asked.shift();
    const found = addresses.map((address): HostAddress => ({
      address,
      family: address.includes(":") ? 6 : 4,
    }));
    this.#answers.shift()!(null, found);
  }

  /** Refuses to answer the oldest question. */
  fail(code: string): void {
    const name = this.asked.shift();
    this.#answers.shift()!(Object.assign(new Error(`getaddrinfo ${code} ${name}`), { code }), []);
  }

  [Symbol.dispose](): void {
    dns.lookup = this.#original;
  }
}
