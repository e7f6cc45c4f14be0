/**
 * What every adapter between a web framework and {@link paidRoute} must do, as cases of node:test, each with a real server,
 * a real ledger at a path of it, and a buyer that pays. Run it on your own:
 *
 *     testAdapter({ name: 'my framework', serve: (seller, routes) => server })
 */
import { describe } from 'node:test'
import { answerCases } from './adapter-answers.js'
import { connectionCases } from './adapter-connections.js'
import { flowCases } from './adapter-flows.js'
import { streamCases } from './adapter-streams.js'
import type { AdapterSubject } from './adapter-subject.js'

/** Defines the suite. */
export function testAdapter(subject: AdapterSubject): void {
  void describe(`adapter: ${subject.name}`, () => {
    answerCases(subject)
    streamCases(subject)
    flowCases(subject)
    connectionCases(subject)
  })
}
