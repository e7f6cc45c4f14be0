/** `ilp-plugin-btp`, by import or by require: the plugin's class. */
import { IlpPluginBtp } from '../../dist/compat/ilp-plugin-btp.js'

export { IlpPluginBtp as default, IlpPluginBtp as 'module.exports' }
