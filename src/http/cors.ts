/** Lets scripts of other origins read what they need to pay (Fetch standard, CORS protocol). */

export const EXPOSE = 'Access-Control-Expose-Headers'
const EXPOSED = 'Pay, Pay-Balance, Pay-Terms'

/** For answers to requests with an `Origin`; `preflight` for OPTIONS. What a framework says itself goes before. */
export function corsHeaders(preflight: boolean): Record<string, string> {
  return {
    'Access-Control-Allow-Origin': '*',
    [EXPOSE]: EXPOSED,
    ...(preflight && {
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
      'Access-Control-Allow-Headers': 'Content-Type, Pay-Token, Idempotency-Key',
    }),
  }
}

/** The list of exposed fields that somebody else made, with ours. */
export function exposing(list: string): string {
  const names = list.split(',').map((name) => name.trim().toLowerCase())
  return EXPOSED.split(', ').every((name) => names.includes(name.toLowerCase())) ? list : `${list}, ${EXPOSED}`
}
