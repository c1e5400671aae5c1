select order_id, customer_id, placed_at, amount, currency
from shop.orders
where placed_at > now() - interval '30 days'
