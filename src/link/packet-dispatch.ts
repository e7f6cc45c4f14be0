/**
 * Peers that put ILP packets into the wrong kind of BTP frame (interledger-rs: a Prepare in a Response, a Fulfill or a
 * Reject in a Message): what the packet is decides, not the frame. They take no notice of BTP errors.
 */
import { findEntry, type Frame, MESSAGE, RESPONSE } from '../btp/index.js'
import type { Log } from '../log/index.js'
import { LinkError } from './errors.js'
import { btpErrorCode, errorCode, rejection } from './packet-answers.js'

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

/** The answer to a request, which for a Prepare is a packet in any case: a Reject by `address` where there is none. */
export async function answeredByPacket(
  data: Uint8Array,
  address: string,
  log: Log,
  answer: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (data[0] !== PREPARE_PACKET) return answer()
  try {
    return await answer()
  } catch (error) {
    if (error instanceof LinkError && error.code === 'LINK_REFUSED') {
      return rejection(btpErrorCode(error.peerName), address, error.message)
    }
    log.warn('a packet could not be answered', { error: String(error) })
    return rejection(errorCode(error), address, 'the packet could not be handled')
  }
}
