select order_id, customer_name, amount, currency
from shop.orders
where placed_at > now() - interval '7 days' and amount >= 1000
