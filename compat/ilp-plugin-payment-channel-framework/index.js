/** `ilp-plugin-payment-channel-framework`, by import or by require: the plugin's class. */
import { PaymentChannelFrameworkPlugin } from '../../dist/compat/payment-channel-framework.js'

export { PaymentChannelFrameworkPlugin as default, PaymentChannelFrameworkPlugin as 'module.exports' }
