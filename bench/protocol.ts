/**
 * What the bench asks of its processes: one payer and one payee each, whatever they are made of. A program of
 * bench/programs answers these calls; figures are since the last `mark`, so that warming up does not count.
 */

/** Answers of a payer. */
export interface PayerMark {
  readonly elapsedMs: number
  /** User and system time of the process. */
  readonly cpuUs: number
  /** Payments whose fulfilment has arrived. */
  readonly payments: number
  /** Letters that the application has read, where letters are bought. */
  readonly letters?: number
  /** From sending a hold to hearing of its fulfilment; 0 when there was none. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Answers of a payee. */
export interface PayeeMark {
  readonly elapsedMs: number
  readonly cpuUs: number
  /** Payments captured, by the payee's own count. */
  readonly payments: number
  /** Batches that its store made durable, where there is one that we can watch. */
  readonly commits?: number
}

/** The sum of all that was ever paid, by the process's own count and by the book; amounts are 1. */
export interface Books {
  readonly payments: number
  /** What the book says that the payer has paid. */
  readonly paid: string
  /** Payments that ended otherwise, and why. */
  readonly failures: Readonly<Record<string, number>>
}

export interface PayerCalls {
  /** Fills the window, and keeps it full. */
  start(args: { window: number }): Promise<void>
  mark(): Promise<PayerMark>
  /** Resolves when nothing is in flight any more. */
  stop(): Promise<void>
  books(): Promise<Books>
}

export interface PayeeCalls {
  mark(): Promise<PayeeMark>
  books(): Promise<Books>
}

/** Those that are measured for memory, too. */
export interface KeepCalls {
  /** From now on holds are kept, not captured. */
  keep(): Promise<void>
  /** Resolves when that many holds are kept. */
  kept(args: { count: number }): Promise<void>
}

/** Of every program. */
export interface ProcessCalls {
  /** Bytes of the heap and of buffers outside it, after a garbage collection. */
  memory(): Promise<number>
  profile(): Promise<void>
  /** Ends the profile and writes it into this file. */
  endProfile(args: { file: string }): Promise<void>
}
