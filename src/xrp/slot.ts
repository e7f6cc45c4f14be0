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
  /**
   * `asked`: submitted again, and not answered yet. `mayBeHeld`: some server may have it all the same, because an answer
   * is missing, or said only that it must wait.
   */
  | { readonly at: 'waiting'; readonly result: string; readonly asked: boolean; readonly mayBeHeld: boolean }
  | { readonly at: 'provisional'; readonly result: string }
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
      if (state.at === 'prepared') return { at: 'submitted' }
      if (state.at === 'submitted') return UNANSWERED
      return state.at === 'waiting' ? { ...state, asked: true, mayBeHeld: state.mayBeHeld || state.asked } : state
    case 'answered':
      return answered(state, event.result)
    case 'used':
      if (event.ours) return { at: 'validated', transaction: event.transaction }
      return { at: 'taken', by: event.transaction.hash }
    case 'read':
      return event.ledgerIndex >= event.lastLedger ? { at: 'expired', result: resultOf(state) } : state
    case 'unaffordable':
      return mayApply(state) ? state : { at: 'dead', result: event.result }
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
      if (state.at === 'provisional') return state
      return { at: 'waiting', result, asked: false, mayBeHeld: mayApply(state) || !result.startsWith('tel') }
    case 'refused':
      return mayApply(state) ? state : { at: 'dead', result }
  }
}

/** Whether a server may have accepted it before: then a later refusal does not end it. */
function mayApply(state: SlotState): boolean {
  return state.at === 'provisional' || (state.at === 'waiting' && state.mayBeHeld)
}

/** Submitted before, and nobody knows with what result: by this run or an earlier one. */
export const UNANSWERED: SlotState = { at: 'waiting', result: '', asked: false, mayBeHeld: true }

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
