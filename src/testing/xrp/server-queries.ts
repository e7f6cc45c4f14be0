/** What the server says of itself: `server_info`, `server_state` and `fee`. It is a simulator, and its name and version say so. */
import type { Fields } from './answers.js'
import type { Chain } from './chain.js'
import { serverTime, toRippleSeconds } from './times.js'

/** Begins like a server's, because `xrpl` reads it. */
const BUILD_VERSION = '2.4.0-simulator'
/** One, in the units of load factors of `server_state` and `fee`. */
const LOAD_BASE = 256

const xrp = (drops: bigint): number => Number(drops) / 1_000_000

export const completeLedgers = ({ first, validated: { index } }: Chain): string =>
  first === index ? String(index) : `${first}-${index}`

/** The load that `server_info` tells is that of the server or of the open ledger, whichever asks for more. */
const loadFactor = ({ load }: Chain): number => Math.max(load.server, load.openLedger)

const told = (chain: Chain, now: number, startedAt: number): Fields => ({
  build_version: BUILD_VERSION,
  complete_ledgers: completeLedgers(chain),
  hostid: 'simulator',
  io_latency_ms: 1,
  peers: 0,
  pubkey_validator: 'none',
  server_state: 'full',
  time: serverTime(now),
  uptime: Math.floor((now - startedAt) / 1000),
  validation_quorum: 0,
})

/** @param now milliseconds since 1970; so is `startedAt` */
export function serverInfo(chain: Chain, now: number, startedAt: number): Fields {
  const { fees, validated } = chain
  return {
    info: {
      ...told(chain, now, startedAt),
      last_close: { converge_time_s: 0, proposers: 0 },
      load_factor: loadFactor(chain),
      validated_ledger: {
        age: Math.max(0, toRippleSeconds(now) - validated.closeTime),
        base_fee_xrp: xrp(fees.base),
        hash: validated.hash,
        reserve_base_xrp: xrp(fees.reserveBase),
        reserve_inc_xrp: xrp(fees.reserveIncrement),
        seq: validated.index,
      },
    },
  }
}

export function serverState(chain: Chain, now: number, startedAt: number): Fields {
  const { fees, load, validated } = chain
  return {
    state: {
      ...told(chain, now, startedAt),
      last_close: { converge_time: 0, proposers: 0 },
      load_base: LOAD_BASE,
      load_factor: Math.round(loadFactor(chain) * LOAD_BASE),
      load_factor_fee_escalation: Math.round(load.openLedger * LOAD_BASE),
      load_factor_fee_queue: LOAD_BASE,
      load_factor_fee_reference: LOAD_BASE,
      load_factor_server: Math.round(load.server * LOAD_BASE),
      validated_ledger: {
        base_fee: Number(fees.base),
        close_time: validated.closeTime,
        hash: validated.hash,
        reserve_base: Number(fees.reserveBase),
        reserve_inc: Number(fees.reserveIncrement),
        seq: validated.index,
      },
    },
  }
}

export function feeAnswer(chain: Chain): Fields {
  const { fees, load, open } = chain
  const drops = (factor: number): string => String(Math.ceil(Number(fees.base) * factor))
  const level = (factor: number): string => String(Math.round(factor * LOAD_BASE))
  return {
    current_ledger_size: '0',
    current_queue_size: '0',
    drops: {
      base_fee: drops(1),
      median_fee: drops(500),
      minimum_fee: drops(load.server),
      open_ledger_fee: drops(loadFactor(chain)),
    },
    expected_ledger_size: '1000',
    ledger_current_index: open.index,
    levels: {
      median_level: level(500),
      minimum_level: level(load.server),
      open_ledger_level: level(loadFactor(chain)),
      reference_level: level(1),
    },
    max_queue_size: '20000',
  }
}
