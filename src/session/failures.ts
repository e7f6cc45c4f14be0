/** BTP Error frames as failures and back: RFC-23's codes by name, and the `{"message": …}` that their data carries by convention. */
import { fromUtf8, utf8 } from '../bytes/index.js'
import { BTP_ERROR_CODES, type BtpErrorName, ERROR, type ErrorFrame } from '../btp/index.js'
import type { BtpFailure, Reply } from './types.js'

/** A failure by its name, with the code that RFC-23 gives it. The peer reads the message. */
export function btpFailure(name: BtpErrorName, message: string): BtpFailure {
  return { code: BTP_ERROR_CODES[name], name, message }
}

/** Characters of an error's message, sent or read; data may have 8192 bytes, of which a character's escape takes at most 6. */
const MESSAGE_LENGTH_MAX = 1024

export function errorFrame(requestId: number, failure: BtpFailure, triggeredAt: number): ErrorFrame {
  const data = utf8(JSON.stringify({ message: failure.message.slice(0, MESSAGE_LENGTH_MAX) }))
  return { type: ERROR, requestId, code: failure.code, name: failure.name, triggeredAt, data, entries: [] }
}

export function errorReply(frame: ErrorFrame): Reply {
  return {
    type: 'error',
    code: frame.code,
    name: frame.name,
    message: messageOf(frame.data).slice(0, MESSAGE_LENGTH_MAX),
  }
}

/** The message in an error's data: JSON by convention, a bare sentence from some peers, nothing from others. */
function messageOf(data: Uint8Array): string {
  let text: string
  try {
    text = fromUtf8(data)
  } catch {
    return ''
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
      return value.message
    }
  } catch {
    // Not JSON: the text itself.
  }
  return text
}
