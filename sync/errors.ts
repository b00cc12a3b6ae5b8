/** `getNowait()` found nothing, or `get()` found nothing in time. Source: `queue.Empty`. */
export class Empty extends Error {
  /** Always `"Empty"`. */
  override readonly name = "Empty";
}

/** `putNowait()` found no room, or `put()` found none in time. Source: `queue.Full`. */
export class Full extends Error {
  /** Always `"Full"`. */
  override readonly name: string = "Full";
}

/** The queue was shut down. Source: `queue.ShutDown`. */
export class ShutDown extends Error {
  /** Always `"ShutDown"`. */
  override readonly name = "ShutDown";
}

/** A barrier was broken while waiting, or before. Source: `threading.BrokenBarrierError`. */
export class BrokenBarrierError extends Error {
  /** Always `"BrokenBarrierError"`. */
  override readonly name = "BrokenBarrierError";
}
