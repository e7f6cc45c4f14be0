/** What `require('ilp-plugin-btp')` gave: the plugin's class, which is its own `default`. Its inner methods are left out. */
import { BtpPlugin } from '../plugin/index.js'

export class IlpPluginBtp extends BtpPlugin {
  static readonly default: typeof IlpPluginBtp = IlpPluginBtp
}

// What require() returns.
export { IlpPluginBtp as 'module.exports' }
