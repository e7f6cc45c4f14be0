export { PaymentChannelFrameworkPlugin as default } from '../../dist/compat/payment-channel-framework.js'
