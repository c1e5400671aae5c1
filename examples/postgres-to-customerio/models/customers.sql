select customer_id, email, first_name, plan, lifetime_value, created_at
from analytics.customers
where email is not null
