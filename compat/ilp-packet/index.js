/** `ilp-packet` for programs written for its versions 1 and 3, by import or by require. */
import * as ilpPacket from '../../dist/compat/ilp-packet.js'

const all = { ...ilpPacket }

export * from '../../dist/compat/ilp-packet.js'
// What require() returns: a plain object, as the package's own was.
export { all as 'module.exports' }
