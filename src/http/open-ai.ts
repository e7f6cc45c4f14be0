/** The unit of an LLM gateway: streaming answers in the form of OpenAI's chat completions, sold by the token. */
import { sseEvent, tokens, type Unit } from './units.js'

/**
 * One event that brings text, a tool call or reasoning counts as one token, which is what such servers send; the events
 * that name a role, tell the usage or say `[DONE]` are free.
 */
export const openAiTokens: Unit = tokens(deltas, sseEvent)

/** Events of one piece of text that bring something to whoever reads. */
function deltas(text: string): number {
  let found = 0
  for (const [, data = ''] of text.matchAll(/^data: ?(.*)$/gm)) if (hasContent(data)) found++
  return found
}

function hasContent(data: string): boolean {
  if (!data.startsWith('{')) return false
  let event: unknown
  try {
    event = JSON.parse(data)
  } catch {
    // What cannot be read is sold rather than given away.
    return true
  }
  if (!isRecord(event) || !Array.isArray(event['choices'])) return false
  return event['choices'].some((choice: unknown) => {
    const delta = isRecord(choice) ? choice['delta'] : undefined
    if (isRecord(choice) && typeof choice['text'] === 'string') return choice['text'] !== ''
    return isRecord(delta) && Object.entries(delta).some(([name, value]) => name !== 'role' && hasValue(value))
  })
}

function hasValue(value: unknown): boolean {
  return value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
