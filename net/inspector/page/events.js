/** Splits what a feed sends into its updates. */
export class EventSplitter {
  #text = "";

  /** The updates that are complete with another piece of text. */
  push(piece) {
    const events = (this.#text + piece).split("\n\n");
    this.#text = events.pop();
    return events.filter((event) => event.startsWith("data: ")).map((event) => JSON.parse(event.slice(6)));
  }
}
