/** Lets scripts of other origins read what they need to pay (Fetch standard, CORS protocol). */

export const EXPOSE = 'Access-Control-Expose-Headers'
export const EXPOSED = 'Pay, Pay-Balance, Pay-Terms'

/** For answers to requests with an `Origin`; `preflight` for OPTIONS. What a framework says itself goes before. */
export function corsHeaders(preflight: boolean): Record<string, string> {
  return {
    'Access-Control-Allow-Origin': '*',
    [EXPOSE]: EXPOSED,
    ...(preflight && {
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
      'Access-Control-Allow-Headers': 'Content-Type, Pay-Token, Pay-Fulfillment, Idempotency-Key',
    }),
  }
}
