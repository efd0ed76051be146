/* The status of an order as text and tone. */

const STATUS = { created: "Not paid yet", paid: "Paid", fulfilled: "Sent", canceled: "Canceled", returned: "Returned" };
const PAYMENT = {
  processing: "Payment being confirmed",
  requires_action: "Waits for your authentication",
  failed: "Payment failed",
  refund_in_progress: "Refund under way",
  refund_pending: "Refund under way",
  refund_failed: "Refund under way",
  partially_refunded: "Partly refunded",
  refunded: "Refunded",
  disputed: "Disputed",
};
const TONE = { paid: "good", fulfilled: "good", failed: "bad", requires_action: "warn", processing: "warn" };

export const statusText = (order) => [STATUS[order.status], PAYMENT[order.payment_status]].filter(Boolean).slice(order.status === "created" && PAYMENT[order.payment_status] ? 1 : 0).join(", ");
export const tone = (order) => TONE[order.payment_status] || "plain";
