/** What all parties of a simulated world agree on. */

export const PREFIX = 'test.sim.'
export const PRICE = 3n

/** Bytes of unit `i` of a body of chunks. */
export function unitBytes(i: number): number {
  return 1 + ((i * 7) % 3)
}

/** So short that silence is noticed within a run. */
export const sessionLimits = { requestTimeoutMs: 2_500, pingIntervalMs: 4_000, pongTimeoutMs: 1_500 }
