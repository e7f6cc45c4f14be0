/** `ilp-plugin-xrp-escrow`, by import or by require: the plugin's class. Needs the package `xrpl`. */
import { XrpEscrowPlugin } from '../../dist/xrp/index.js'

export { XrpEscrowPlugin as default, XrpEscrowPlugin as 'module.exports' }
