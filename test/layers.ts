/**
 * The layers of the package, from the lowest to the highest: the one list. A layer imports only from layers that stand
 * before it. layers.test.ts proves that of the code, and compares the table in ARCHITECTURE.md with this list.
 */

export interface Layer {
  /** The folder below src/; `.` is src/index.ts. A folder in another one may be a layer of its own. */
  readonly name: string
  /** What it is, as ARCHITECTURE.md says it. */
  readonly is: string
}

export const LAYERS: readonly Layer[] = [
  { name: 'errors', is: 'the base of all errors; invariants' },
  { name: 'clock', is: 'time and timers, passed in' },
  { name: 'log', is: 'the least that is asked of a logger, passed in' },
  { name: 'bytes', is: 'bytes as text and back' },
  { name: 'crypto', is: 'SHA-256, HMAC, AES-GCM and random bytes, synchronous' },
  { name: 'money', is: 'amounts as people write them' },
  { name: 'oer', is: 'Octet Encoding Rules: reader and writer' },
  { name: 'ilp', is: 'ILP addresses, amounts, packets, conditions, PSK' },
  { name: 'btp', is: 'BTP 1.0 and 2.0 frames' },
  { name: 'store', is: 'where a ledger keeps its log: memory, level' },
  { name: 'ledger', is: 'two-phase transfers: state machine, limits, group commit' },
  { name: 'session', is: 'BTP over WebSocket: authentication, requests, reconnect' },
  { name: 'link', is: 'holds sent and received: host, holder, in-process pair' },
  { name: 'plugin', is: 'the Ledger Plugin Interface as a face of a link' },
  { name: 'xrp', is: 'links and plugins over the XRP Ledger, whose holds are escrows' },
  { name: 'http', is: 'the selling side: `Pay` headers, meter, shop' },
  { name: 'fetch', is: 'the buying side: window, budget, paying fetch' },
  { name: 'cli', is: 'the command `sluice`' },
  { name: 'compat', is: 'what old packages exported, in their own representations' },
  { name: '.', is: 'the everyday names' },
  { name: 'testing', is: 'conformance suites and simulators, for tests of users too' },
  { name: 'testing/xrp', is: 'a simulated server of the XRP Ledger' },
]

/** Nothing imports these: they are ends. */
export const ENDS: readonly string[] = ['cli', 'compat', '.', 'testing', 'testing/xrp']

/**
 * What a browser needs to buy: folders and files below src/. None of it, nor anything that it imports, knows Node.
 * `#crypto` counts as its portable implementation.
 */
export const BROWSER_SAFE: readonly string[] = [
  'errors/',
  'clock/',
  'log/',
  'bytes/',
  'crypto/index.ts',
  'crypto/portable.ts',
  'money/',
  'oer/',
  'ilp/',
  'btp/',
  'http/headers.ts',
  'fetch/index.ts',
  'session/index.ts',
]

/** The packages that browser-safe files may import. */
export const BROWSER_PACKAGES: readonly string[] = ['@noble/ciphers', '@noble/hashes', 'jose', 'structured-headers']

/** Optional peers that a layer needs to load at all: nothing else imports them, so that nobody else must install them. */
export const PEERS: Readonly<Record<string, readonly string[]>> = { xrpl: ['xrp', 'testing/xrp'] }
