/**
 * `sluice.transfers`: what became of holds whose outcome the asker does not know (a custom BTP message, binary).
 *
 *     question  count · (id 16 bytes · expiresAt u64)*
 *     answer    count · (state u8 · fulfilled: fulfillment 32 bytes, data var · rejected: reason var)*
 *
 * The answer speaks of the first ids asked, in their order; it may stop early, and the asker asks again for the rest.
 */
import { octetEntry, type SubProtocol } from '../btp/index.js'
import { Reader, Writer } from '../oer/index.js'
import { LinkError } from './errors.js'

export const INQUIRY = 'sluice.transfers'

const ID_BYTES = 16
const QUESTION_BYTES = ID_BYTES + 8
const HASH_BYTES = 32

export interface Question {
  readonly id: Uint8Array
  readonly expiresAt: number
}

/** `forgotten`: its expiry has passed and it is not known (any more): nobody can tell. */
export type Answer =
  | { readonly state: 'prepared' }
  | { readonly state: 'fulfilled'; readonly fulfillment: Uint8Array; readonly data: Uint8Array }
  | { readonly state: 'rejected'; readonly reason: Uint8Array }
  | { readonly state: 'expired' }
  | { readonly state: 'forgotten' }

const STATES = ['prepared', 'fulfilled', 'rejected', 'expired', 'forgotten'] as const

const writer = new Writer()

export function encodeQuestions(questions: readonly Question[]): SubProtocol[] {
  writer.reset()
  writer.count(questions.length)
  for (const { id, expiresAt } of questions) {
    writer.fixedOctets(id, ID_BYTES)
    writer.uint64(BigInt(expiresAt))
  }
  return [octetEntry(INQUIRY, writer.take())]
}

/** @throws {OerError} when the bytes are not a question */
export function decodeQuestions(data: Uint8Array): Question[] {
  const reader = new Reader(data)
  const questions: Question[] = []
  for (let left = reader.count(QUESTION_BYTES); left > 0; left--) {
    const id = reader.octets(ID_BYTES)
    questions.push({ id, expiresAt: Number(reader.uint64()) })
  }
  return questions
}

export function encodeAnswers(answers: readonly Answer[]): SubProtocol[] {
  writer.reset()
  writer.count(answers.length)
  for (const answer of answers) {
    writer.uint8(STATES.indexOf(answer.state))
    if (answer.state === 'fulfilled') {
      writer.fixedOctets(answer.fulfillment, HASH_BYTES)
      writer.varOctets(answer.data)
    } else if (answer.state === 'rejected') writer.varOctets(answer.reason)
  }
  return [octetEntry(INQUIRY, writer.take())]
}

/** Bytes of one answer at most. */
export function answerBytes(answer: Answer): number {
  switch (answer.state) {
    case 'fulfilled':
      return 1 + HASH_BYTES + 5 + answer.data.length
    case 'rejected':
      return 1 + 5 + answer.reason.length
    case 'prepared':
    case 'expired':
    case 'forgotten':
      return 1
  }
}

/** @throws {OerError | LinkError} when the bytes are not an answer */
export function decodeAnswers(data: Uint8Array): Answer[] {
  const reader = new Reader(data)
  const answers: Answer[] = []
  for (let left = reader.count(1); left > 0; left--) answers.push(readAnswer(reader))
  return answers
}

function readAnswer(reader: Reader): Answer {
  const state = STATES[reader.uint8()]
  if (state === undefined)
    throw new LinkError('LINK_PEER', 'the answer has a transfer state that this version does not know')
  switch (state) {
    case 'fulfilled': {
      const fulfillment = reader.octets(HASH_BYTES)
      return { state, fulfillment, data: reader.varOctets() }
    }
    case 'rejected':
      return { state, reason: reader.varOctets() }
    case 'prepared':
    case 'expired':
    case 'forgotten':
      return { state }
  }
}
