/** What an order says: its JSON is 200 bytes long, so that requests are like those that others measured. */
export function order(seq: number) {
  return {
    id: `ord_${String(seq).padStart(9, "0")}`,
    customer_id: "cus_000000077",
    currency: "eur",
    total: 129.5,
    note: "Please leave it with the neighbours at number 12.",
    items: [{ sku: "shirt-m-blue", quantity: 2, price: 64.75 }],
  }
}
