/** `ilp-plugin-mini-accounts`, by import or by require: the plugin's class. */
import { IlpPluginMiniAccounts } from '../../dist/compat/ilp-plugin-mini-accounts.js'

export { IlpPluginMiniAccounts as default, IlpPluginMiniAccounts as 'module.exports' }
