/**
 * Peers that put ILP packets into the wrong kind of BTP frame (interledger-rs: a Prepare in a Response, a Fulfill or a
 * Reject in a Message): what the packet is decides, not the frame.
 */
import { findEntry, type Frame, MESSAGE, RESPONSE } from '../btp/index.js'

const PREPARE_PACKET = 12
const FULFILL_PACKET = 13
const REJECT_PACKET = 14

/** The frame that the peer means. */
export function byIlpType(frame: Frame): Frame {
  if (frame.type !== RESPONSE && frame.type !== MESSAGE) return frame
  const { requestId, entries } = frame
  switch (findEntry(entries, 'ilp')?.data[0]) {
    case PREPARE_PACKET:
      return { type: MESSAGE, requestId, entries }
    case FULFILL_PACKET:
    case REJECT_PACKET:
      return { type: RESPONSE, requestId, entries }
    default:
      return frame
  }
}
