/**
 * One of our transactions on its way: what is known of it, from the signed blob to the validated ledger. Pure.
 *
 *   prepared ─▶ submitted ─▶ provisional ─┬▶ validated   a ledger that is final has it
 *                   │  ▲          │       ├▶ expired     its last ledger is past, and no ledger has it
 *                   ▼  │          ▼       ├▶ taken       another transaction used its sequence number
 *                  (waits; the same blob again)   └▶ dead   the server refused it for good and passed it to nobody
 *
 * Whatever a server says at submission is provisional: only what is read from validated ledgers, in order and without
 * gaps, ends it. The exception is a refusal (tem, most tef) of what no server had accepted before.
 */
import type { ValidatedTransaction } from './ledger-messages.js'

/** What an engine result at submission means for the transaction. */
export type ResultClass =
  /** tes, tec, terQUEUED: a ledger may have it soon. */
  | 'provisional'
  /** Its sequence number was used, maybe by itself. */
  | 'past'
  /** An earlier sequence number is missing. */
  | 'future'
  /** It pays too little for the load. */
  | 'fee'
  /** Not now: submitted again after the next ledger, until its last one. */
  | 'later'
  /** Never. */
  | 'refused'

export function classOf(result: string): ResultClass {
  switch (result) {
    case 'terQUEUED':
      return 'provisional'
    case 'tefPAST_SEQ':
    case 'tefALREADY':
    case 'tefMAX_LEDGER':
      return 'past'
    case 'terPRE_SEQ':
      return 'future'
    case 'telINSUF_FEE_P':
    case 'telCAN_NOT_QUEUE_FEE':
      return 'fee'
  }
  switch (result.slice(0, 3)) {
    case 'tes':
    case 'tec':
      return 'provisional'
    case 'tem':
    case 'tef':
      return 'refused'
    // tel, ter, and what servers of the future may say: the transaction's last ledger ends the waiting.
    default:
      return 'later'
  }
}

export type SlotState =
  | { readonly at: 'prepared' }
  | { readonly at: 'submitted' }
  | { readonly at: 'waiting' | 'provisional'; readonly result: string }
  | SlotEnd

export type SlotEnd =
  | { readonly at: 'validated'; readonly transaction: ValidatedTransaction }
  | { readonly at: 'expired'; readonly result: string }
  | { readonly at: 'taken'; readonly by: string }
  | { readonly at: 'dead'; readonly result: string }

export type SlotEvent =
  | { readonly type: 'submitted' }
  /** The server's answer. */
  | { readonly type: 'answered'; readonly result: string }
  /** A validated transaction with the slot's sequence number. */
  | { readonly type: 'used'; readonly transaction: ValidatedTransaction; readonly ours: boolean }
  /** Every validated ledger up to this one has been read. */
  | { readonly type: 'read'; readonly ledgerIndex: number; readonly lastLedger: number }
  /** It cannot be paid for. */
  | { readonly type: 'unaffordable'; readonly result: string }

export function isEnd(state: SlotState): state is SlotEnd {
  return state.at === 'validated' || state.at === 'expired' || state.at === 'taken' || state.at === 'dead'
}

/** An end is for ever: what comes after it changes nothing. */
export function advance(state: SlotState, event: SlotEvent): SlotState {
  if (isEnd(state)) return state
  switch (event.type) {
    case 'submitted':
      return state.at === 'prepared' ? { at: 'submitted' } : state
    case 'answered':
      return answered(state, event.result)
    case 'used':
      if (event.ours) return { at: 'validated', transaction: event.transaction }
      return { at: 'taken', by: event.transaction.hash }
    case 'read':
      return event.ledgerIndex >= event.lastLedger ? { at: 'expired', result: resultOf(state) } : state
    case 'unaffordable':
      // What a server has accepted may still be applied.
      return state.at === 'provisional' ? state : { at: 'dead', result: event.result }
  }
}

function answered(state: SlotState, result: string): SlotState {
  switch (classOf(result)) {
    case 'provisional':
      return { at: 'provisional', result }
    case 'past':
    case 'future':
    case 'fee':
    case 'later':
      return state.at === 'provisional' ? state : { at: 'waiting', result }
    case 'refused':
      return state.at === 'provisional' ? state : { at: 'dead', result }
  }
}

/** What the server said last; empty when it has not. */
function resultOf(state: SlotState): string {
  switch (state.at) {
    case 'prepared':
    case 'submitted':
      return ''
    case 'waiting':
    case 'provisional':
    case 'expired':
    case 'dead':
      return state.result
    case 'validated':
      return state.transaction.result
    case 'taken':
      return 'tefPAST_SEQ'
  }
}
